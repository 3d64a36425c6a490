//! The lab as programs use it: enter it, make a link, change the link, read its counts, and stop it.

use std::{fs::File, io, net::IpAddr, time::Duration};

use crate::{condition::Condition, counts::Counts, direction::Direction, missing::Missing, packet};

/// A network namespace of this program's own, in which links are emulated. The namespace ends with the program and the
/// processes that the program started.
#[derive(Debug)]
pub struct Lab(());

impl Lab {
    /// Moves this program into a network namespace of its own. A program that is not root becomes root of a user namespace
    /// for that. From then on the program, and every process that it starts, sees only the lab's network.
    ///
    /// # Errors
    ///
    /// The program has other threads already, or the system does not permit it. After any error but
    /// [`Missing::Namespace`] the program is still in its old namespace.
    pub fn enter() -> Result<Self, Missing> {
        #[cfg(target_os = "linux")]
        return crate::linux::namespace::enter().map(|()| Self(()));
        #[cfg(not(target_os = "linux"))]
        return Err(Missing::Linux);
    }

    /// Makes the link, under these conditions. Only one link can exist at a time.
    ///
    /// # Errors
    ///
    /// A link exists already, or the system refuses the device or the thread.
    pub fn link(&self, up: Condition, down: Condition, seed: u64) -> io::Result<Running> {
        self.start(up, down, seed, None)
    }

    /// As [`link`](Self::link), and captures the packets in a file for Wireshark (pcapng). A packet is recorded at the end
    /// that sent it, with a comment if it was dropped, and again at the other end when it arrives.
    ///
    /// # Errors
    ///
    /// As for `link`, and when the beginning of the file cannot be written. A later write error ends the capture, and
    /// [`Running::stop`] returns it.
    pub fn captured_link(
        &self,
        up: Condition,
        down: Condition,
        seed: u64,
        file: File,
    ) -> io::Result<Running> {
        self.start(up, down, seed, Some(file))
    }

    #[cfg(target_os = "linux")]
    fn start(&self, up: Condition, down: Condition, seed: u64, capture: Option<File>) -> io::Result<Running> {
        crate::linux::running::Running::start(up, down, seed, capture).map(Running)
    }

    #[cfg(not(target_os = "linux"))]
    fn start(&self, _: Condition, _: Condition, _: u64, _: Option<File>) -> io::Result<Running> {
        Err(io::Error::new(io::ErrorKind::Unsupported, Missing::Linux))
    }
}

/// A link, until it is stopped or dropped. Packets that are under way at that moment are lost.
#[derive(Debug)]
pub struct Running(
    #[cfg(target_os = "linux")] crate::linux::running::Running,
    #[cfg(not(target_os = "linux"))] std::convert::Infallible,
);

impl Running {
    /// The address under which a client reaches the server across the link: 10.9.0.2.
    pub fn server_address(&self) -> IpAddr {
        packet::SERVER_SEEN.into()
    }

    /// The same address for IPv6: fd09::2.
    pub fn server_address_v6(&self) -> IpAddr {
        packet::SERVER_SEEN_V6.into()
    }

    /// The server's own address, for a server that does not listen on every address: 10.8.0.2. A client that connects to
    /// this address does not cross the link.
    pub fn listen_address(&self) -> IpAddr {
        packet::SERVER.into()
    }

    /// Changes the condition of one direction. Packets that are under way arrive as was decided before.
    ///
    /// # Errors
    ///
    /// The device refuses the MTU.
    pub fn set_condition(&self, direction: Direction, condition: Condition) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return self.0.set_condition(direction, condition);
        #[cfg(not(target_os = "linux"))]
        match (self.0, direction, condition) {}
    }

    /// The counts since the link was made.
    pub fn counts(&self) -> Counts {
        #[cfg(target_os = "linux")]
        return self.0.counts();
        #[cfg(not(target_os = "linux"))]
        match self.0 {}
    }

    /// The processor time that the link's thread has used, including the time that it waited awake. A program in which
    /// clients run as well subtracts this from its own processor time.
    ///
    /// # Errors
    ///
    /// The link ended because its device failed.
    pub fn busy(&self) -> io::Result<Duration> {
        #[cfg(target_os = "linux")]
        return self.0.busy();
        #[cfg(not(target_os = "linux"))]
        match self.0 {}
    }

    /// Ends the link.
    ///
    /// # Errors
    ///
    /// The link ended early because its device failed, or the capture is incomplete.
    pub fn stop(self) -> io::Result<Counts> {
        #[cfg(target_os = "linux")]
        return self.0.stop();
        #[cfg(not(target_os = "linux"))]
        match self.0 {}
    }
}
