//! Why a link cannot be emulated on this system.

use std::io;

/// Why the lab cannot be entered, and what would allow it.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// The system is not Linux.
    #[error("an emulated link needs Linux: its network namespaces and TUN devices")]
    Linux,
    /// The program has other threads already.
    #[error("the lab has to be entered before the program starts threads; it has {0}")]
    Threads(usize),
    /// No TUN device can be opened.
    #[error(
        "/dev/net/tun: {0}; `sudo modprobe tun && sudo chmod 0666 /dev/net/tun` allows it, or being root"
    )]
    Tun(io::Error),
    /// The system does not permit a namespace.
    #[error(
        "no network namespace: {0}; being root allows it, or `sudo sysctl -w user.max_user_namespaces=10000` and, where \
         they exist, kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0"
    )]
    Namespace(io::Error),
}
