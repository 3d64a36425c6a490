//! How the client deals with frames that the present link loses.

use crate::transport::Promises;

/// How the client deals with frames that the present link loses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Mode {
    /// Not at all: the link is lossless.
    #[default]
    Lossless,
    /// The client retransmits requests and asks for missing entries.
    Repair,
    /// The client retransmits only joins and leaves, so that the user sees what the link does.
    Raw,
}

impl Mode {
    /// The mode for a link with these promises.
    pub(super) fn of(promises: Promises, raw: bool) -> Mode {
        match (promises.is_lossless(), raw) {
            (true, _) => Mode::Lossless,
            (false, true) => Mode::Raw,
            (false, false) => Mode::Repair,
        }
    }
}
