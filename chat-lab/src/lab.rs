//! What a program does with the lab: enter it, make a link, change it, count, and stop.

use std::{
    fs::File,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{Condition, Counts, Direction, packet};

/// A network namespace of this program's own, in which links are emulated. It ends with the program and those that it
/// started.
#[derive(Debug)]
pub struct Lab(());

/// Why there is no lab here, and what would allow it.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// Not Linux.
    #[error("an emulated link needs Linux: its network namespaces and TUN devices")]
    Linux,
    /// There are other threads already.
    #[error("the lab has to be entered before the program starts threads; it has {0}")]
    Threads(usize),
    /// No TUN device can be opened.
    #[error(
        "/dev/net/tun: {0}; `sudo modprobe tun && sudo chmod 0666 /dev/net/tun` allows it, or being root"
    )]
    Tun(io::Error),
    /// The system permits no namespace.
    #[error(
        "no network namespace: {0}; being root allows it, or `sudo sysctl -w user.max_user_namespaces=10000` and, where \
         they exist, kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0"
    )]
    Namespace(io::Error),
}

impl Lab {
    /// Moves this program into a network namespace of its own, as root in a user namespace where it is not root. From
    /// then on it sees no network but the lab's, and neither do the programs it starts.
    ///
    /// # Errors
    ///
    /// The program has other threads already, or the system does not permit it. Unless it is a
    /// [`Missing::Namespace`], the program is where it was.
    pub fn enter() -> Result<Self, Missing> {
        #[cfg(target_os = "linux")]
        return crate::linux::namespace::enter().map(|()| Self(()));
        #[cfg(not(target_os = "linux"))]
        return Err(Missing::Linux);
    }

    /// Makes the link, which is in these conditions from now on. There is one at a time.
    ///
    /// # Errors
    ///
    /// There is one already, or the system refuses the device or the thread.
    pub fn link(&self, up: Condition, down: Condition, seed: u64) -> io::Result<Running> {
        self.start(up, down, seed, None)
    }

    /// As [`link`](Self::link), and writes what crosses it to a file that Wireshark opens (pcapng). What was sent is
    /// there at the end that sent it, with a comment where it was dropped, and again at the other end when it arrived.
    ///
    /// # Errors
    ///
    /// As for `link`, and where the beginning of the file cannot be written. What cannot be written later ends the
    /// capture, and [`Running::stop`] tells.
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

/// A link that is there until it is stopped or dropped; what is under way by then is gone.
#[derive(Debug)]
pub struct Running(
    #[cfg(target_os = "linux")] crate::linux::running::Running,
    #[cfg(not(target_os = "linux"))] std::convert::Infallible,
);

impl Running {
    /// Where a client connects to, so that it crosses the link: 10.9.0.2.
    pub fn server_address(&self) -> IpAddr {
        packet::SERVER_SEEN.into()
    }

    /// The same over IPv6, fd09::2.
    pub fn server_address_v6(&self) -> IpAddr {
        packet::SERVER_SEEN_V6.into()
    }

    /// Where a server listens if it does not listen on every address: 10.8.0.2. A client that connects to this one does
    /// not cross the link.
    pub fn listen_address(&self) -> IpAddr {
        packet::SERVER.into()
    }

    /// The same for IPv6, fd08::2.
    pub fn listen_address_v6(&self) -> IpAddr {
        packet::SERVER_V6.into()
    }

    /// Who a peer of the server is, as the server sees it: 10.8.0.3 or fd08::3 for the client across the link.
    pub fn is_client(&self, peer: SocketAddr) -> bool {
        [IpAddr::from(packet::CLIENT_SEEN), packet::CLIENT_SEEN_V6.into()].contains(&peer.ip())
    }

    /// From now on packets of this direction are treated like this. What is under way arrives as it was to arrive.
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

    /// What has crossed the link so far.
    pub fn counts(&self) -> Counts {
        #[cfg(target_os = "linux")]
        return self.0.counts();
        #[cfg(not(target_os = "linux"))]
        match self.0 {}
    }

    /// How much processor time the link's thread has used, what it waited awake included: what a program that has the
    /// ends of the conversation as well subtracts from its own.
    ///
    /// # Errors
    ///
    /// The link ended, because its device failed.
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
    /// The link ended before, because its device failed, or the capture is not whole.
    pub fn stop(self) -> io::Result<Counts> {
        #[cfg(target_os = "linux")]
        return self.0.stop();
        #[cfg(not(target_os = "linux"))]
        match self.0 {}
    }
}
