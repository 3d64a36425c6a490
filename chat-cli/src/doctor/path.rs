//! How large the packets are that the way to a host carries, where the system tells.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::net::{SocketAddr, UdpSocket};

    use nix::sys::socket::{getsockopt, sockopt::IpMtu};

    /// What the kernel has learned of the way so far, in bytes. Over IPv6 it does not tell.
    pub(crate) fn packet(to: SocketAddr) -> Option<usize> {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { return None };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(to).ok()?;
        usize::try_from(getsockopt(&socket, IpMtu).ok()?).ok()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::net::SocketAddr;

    /// Nobody is asked here yet.
    pub(crate) fn packet(_: SocketAddr) -> Option<usize> {
        None
    }
}

pub(super) use system::packet;
