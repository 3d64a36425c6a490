//! A process that is a part of another one: it ends when that does, in whatever way.

use std::io;

/// From now on this process is killed when its parent ends, which is to be `parent`.
///
/// # Errors
/// When its parent is another one, because that has ended already, or the system does not do this.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn end_with(parent: u32) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::KILL))?;
    let own = getppid().map_or(0, |it| it.as_raw_nonzero().get().unsigned_abs());
    if own == parent { Ok(()) } else { Err(io::Error::other(format!("process {parent} did not start it"))) }
}

/// Nothing: elsewhere a child is ended by its parent alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn end_with(_: u32) -> io::Result<()> {
    Ok(())
}
