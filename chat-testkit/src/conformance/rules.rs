//! How a check says which rule of docs/transports.md is broken.

use std::fmt;

/// Tells a check that the transport breaks a rule of docs/transports.md.
///
/// # Panics
/// Always: that is how a check fails. The verdict takes the rule from the message.
#[track_caller]
pub(super) fn broken(rule: u8, why: impl fmt::Display) -> ! {
    panic!("{RULE}{rule}: {why}")
}

/// How the name of a rule begins.
pub(super) const RULE: &str = "rule ";
