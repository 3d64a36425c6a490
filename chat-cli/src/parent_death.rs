//! Ties a child process to its parent: the kernel kills the child when the parent ends, in whatever way.

use std::io;

/// Asks the kernel to kill this process when its parent, process `parent`, ends.
///
/// # Errors
/// When `parent` has already ended, so that this process has another parent now, or the system call fails.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn kill_with_parent(parent: u32) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::KILL))?;
    let own = getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
    if own == parent { Ok(()) } else { Err(io::Error::other(format!("process {parent} did not start it"))) }
}

/// Does nothing: on other systems the parent alone ends its child.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn kill_with_parent(_: u32) -> io::Result<()> {
    Ok(())
}
