//! Who runs on which processor: servers on one, the generator on another. It is known how to say that on Linux alone.

use std::io;

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

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
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

    const THIS_THREAD: Pid = Pid::from_raw(0);
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    pub fn allowed() -> io::Result<Vec<usize>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "servers are compared on Linux alone"))
    }

    pub fn move_to(_: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
