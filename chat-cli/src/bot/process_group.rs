//! Process groups: a program and all processes it starts are killed together.

use std::process::Command;

use async_process::Child;

/// Starts `command` as the leader of a new process group. Ctrl-C on a terminal then reaches this program alone, which
/// ends the group itself.
#[cfg(unix)]
pub(super) fn start_new(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Kills the process group that `child` leads or led. The number is its own while the caller has not waited for `child`,
/// or while a process is in the group.
#[cfg(unix)]
pub(super) fn kill(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL); // fails only if the group has no process any more
    }
}

/// Does nothing: other systems have no process groups.
#[cfg(not(unix))]
pub(super) fn start_new(_: &mut Command) {}

/// Kills `child` alone.
#[cfg(not(unix))]
pub(super) fn kill(child: &mut Child) {
    let _ = child.kill(); // the program may have ended already
}
