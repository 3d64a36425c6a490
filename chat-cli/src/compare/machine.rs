//! The settings that all contestants share: the machine, its kernel and the kernel's network settings.

use std::{fs, thread};

use chat_measure::{Link, Setting};

/// The settings of this machine that matter for networks and speed. The machine of a server that was running already is not
/// described.
pub(super) fn settings(link: Link) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        settings.extend(value.map(|value| Setting { name: name.to_owned(), value }));
    };
    add("system", Some(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)));
    add("kernel", read("/proc/sys/kernel/osrelease"));
    add("processors", thread::available_parallelism().ok().map(|count| count.to_string()));
    add("congestion control of TCP", read("/proc/sys/net/ipv4/tcp_congestion_control"));
    add("receive buffers of TCP (least, first, most)", read("/proc/sys/net/ipv4/tcp_rmem"));
    add("send buffers of TCP (least, first, most)", read("/proc/sys/net/ipv4/tcp_wmem"));
    add("largest receive buffer that a program can request", read("/proc/sys/net/core/rmem_max"));
    let is_own = link != Link::Server;
    add("server", is_own.then(|| "a process of its own, --memory --unlimited".to_owned()));
    add("clients", Some("all in one process".to_owned()));
    settings
}

fn read(file: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
