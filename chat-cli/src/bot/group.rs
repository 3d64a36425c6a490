//! A program and what it starts, as one: so that none of it is left behind when it is ended.

use std::process::Command;

use async_process::Child;

/// Makes `command` the first of a group of its own. A terminal's Ctrl-C then reaches us alone, and we end it.
#[cfg(unix)]
pub(super) fn lead(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Ends the group that `child` leads, which has not been waited for: so its number is still its own.
#[cfg(unix)]
pub(super) fn kill(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL); // fails only if nobody is left
    }
}

/// Elsewhere there are no groups.
#[cfg(not(unix))]
pub(super) fn lead(_: &mut Command) {}

/// Ends the program alone.
#[cfg(not(unix))]
pub(super) fn kill(child: &mut Child) {
    let _ = child.kill(); // it may have ended
}
