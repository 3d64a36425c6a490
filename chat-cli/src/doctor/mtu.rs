//! The path MTU to a host, where the operating system reports it.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::net::{SocketAddr, UdpSocket};

    use nix::sys::socket::{getsockopt, sockopt::IpMtu};

    /// The path MTU that the kernel has learned so far, in bytes. The kernel reports it for IPv4 only.
    pub(crate) fn path_mtu(to: SocketAddr) -> Option<usize> {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { return None };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(to).ok()?;
        usize::try_from(getsockopt(&socket, IpMtu).ok()?).ok()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::net::SocketAddr;

    /// Always `None`: this is implemented for Linux alone.
    pub(crate) fn path_mtu(_: SocketAddr) -> Option<usize> {
        None
    }
}

pub(super) use system::path_mtu;
