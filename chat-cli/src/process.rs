//! The processor time and memory of processes, as the operating system reports them.

use std::time::Duration;

/// The processor time that all threads of process `pid` have used so far; `None` where the system does not report it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn cpu(pid: u32) -> Option<Duration> {
    use nix::{
        time::{clock_getcpuclockid, clock_gettime},
        unistd::Pid,
    };

    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    Some(clock_gettime(clock).ok()?.into())
}

/// Always `None`: this is implemented for Linux alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn cpu(_: u32) -> Option<Duration> {
    None
}

/// The processor time that this process has used so far.
pub fn own_cpu() -> Option<Duration> {
    cpu(std::process::id())
}

/// The resident memory of process `pid` in bytes; `None` where the system does not report it.
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
    fn a_process_uses_time_and_memory_and_a_missing_one_has_none() {
        let own = std::process::id();
        assert!(memory(own).is_some_and(|bytes| bytes > 1 << 16), "{:?}", memory(own));
        assert!(own_cpu().is_some_and(|time| time > Duration::ZERO), "{:?}", own_cpu());
        assert_eq!((memory(u32::MAX), cpu(u32::MAX)), (None, None));
    }
}
