//! What processes use, as the system tells it.

use std::time::Duration;

/// The processor time that the process `pid` has used until now, all its threads together; nothing where the system does
/// not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn cpu(pid: u32) -> Option<Duration> {
    use nix::{
        time::{clock_getcpuclockid, clock_gettime},
        unistd::Pid,
    };

    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    Some(clock_gettime(clock).ok()?.into())
}

/// Nothing: it is known how to ask Linux alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn cpu(_: u32) -> Option<Duration> {
    None
}

/// What this process has used.
pub fn own_cpu() -> Option<Duration> {
    cpu(std::process::id())
}

/// The memory that the process `pid` has in use, in bytes; nothing where the system does not tell.
pub fn memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_something_and_no_process_nothing() {
        let own = std::process::id();
        assert!(memory(own).is_some_and(|it| it > 1 << 16), "{:?}", memory(own));
        assert!(own_cpu().is_some_and(|it| it > Duration::ZERO), "{:?}", own_cpu());
        assert_eq!((memory(u32::MAX), cpu(u32::MAX)), (None, None));
    }
}
