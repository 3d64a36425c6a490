//! Who runs on which processor, and how much of it was used. Linux alone lets one say that of another process.

use std::{io, time::Duration};

/// One for servers and one for the generator, so that neither takes time from the other.
pub struct Processors {
    server: usize,
    generator: usize,
}

impl Processors {
    /// The first two this process may run on.
    ///
    /// # Errors
    /// There are not two, or this is not Linux.
    pub fn choose() -> io::Result<Processors> {
        match system::allowed()?[..] {
            [server, generator, ..] => Ok(Processors { server, generator }),
            _ => Err(io::Error::other("two processors are needed, for the server and for the generator")),
        }
    }

    /// Moves this thread, and what it starts from now on, to the processor of servers.
    pub fn take_the_servers(&self) -> io::Result<()> {
        system::move_to(self.server)
    }

    /// Moves this thread to the processor of the generator.
    pub fn take_the_generators(&self) -> io::Result<()> {
        system::move_to(self.generator)
    }
}

/// The processor time all threads of a process have used since it began, those that have ended included.
pub fn time_of(process: u32) -> io::Result<Duration> {
    system::time_of(process)
}

/// The processor time of this process.
pub fn own_time() -> io::Result<Duration> {
    time_of(std::process::id())
}

#[cfg(target_os = "linux")]
mod system {
    use std::{io, time::Duration};

    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
        time::clock_getcpuclockid,
        unistd::Pid,
    };

    pub fn allowed() -> io::Result<Vec<usize>> {
        let set = sched_getaffinity(THIS_THREAD)?;
        Ok((0..CpuSet::count()).filter(|it| set.is_set(*it) == Ok(true)).collect())
    }

    pub fn move_to(processor: usize) -> io::Result<()> {
        let mut set = CpuSet::new();
        set.set(processor)?;
        Ok(sched_setaffinity(THIS_THREAD, &set)?)
    }

    pub fn time_of(process: u32) -> io::Result<Duration> {
        let process = Pid::from_raw(i32::try_from(process).map_err(io::Error::other)?);
        Ok(clock_getcpuclockid(process)?.now()?.into())
    }

    const THIS_THREAD: Pid = Pid::from_raw(0);
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{io, time::Duration};

    pub fn allowed() -> io::Result<Vec<usize>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "servers are compared on Linux alone"))
    }

    pub fn move_to(_: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn time_of(_: u32) -> io::Result<Duration> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
