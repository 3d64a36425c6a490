//! The place of a server: its host and port, whichever transport leads there.

use chat_core::{Address, HostPort};

/// The host and port of `url`, without its transport: a server is the same one over TCP and UDP.
pub(crate) fn place(url: &Address) -> String {
    match HostPort::parse(url) {
        Ok(HostPort { host, port }) => format!("{}:{port}", host.to_lowercase()),
        Err(_) => url.to_string(),
    }
}

/// Whether `url` leads to this machine, so that nothing of it can be read on the way.
pub(crate) fn is_loopback(url: &Address) -> bool {
    let Ok(HostPort { host, .. }) = HostPort::parse(url) else { return false };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
