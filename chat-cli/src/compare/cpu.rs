//! The processor time of processes.

use std::time::Duration;

/// What the process `pid` has used until now, all its threads together; nothing where the system does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn of(pid: u32) -> Option<Duration> {
    use nix::{
        time::{clock_getcpuclockid, clock_gettime},
        unistd::Pid,
    };

    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    Some(clock_gettime(clock).ok()?.into())
}

/// Nothing: it is known how to ask Linux alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn of(_: u32) -> Option<Duration> {
    None
}

/// What this process has used.
pub(super) fn own() -> Option<Duration> {
    of(std::process::id())
}
