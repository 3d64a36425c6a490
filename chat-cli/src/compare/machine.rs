//! What holds for all contestants alike: the machine, its kernel and how that is set.

use std::{fs, thread};

use chat_measure::{Link, Setting};

/// What is known of this machine that has to do with networks and speed. Of a server of others nothing is.
pub(super) fn settings(link: Link) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut say = |name: &str, value: Option<String>| {
        settings.extend(value.map(|value| Setting { name: name.to_owned(), value }));
    };
    say("system", Some(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)));
    say("kernel", read("/proc/sys/kernel/osrelease"));
    say("processors", thread::available_parallelism().ok().map(|it| it.to_string()));
    say("congestion control of TCP", read("/proc/sys/net/ipv4/tcp_congestion_control"));
    say("receive buffers of TCP (least, first, most)", read("/proc/sys/net/ipv4/tcp_rmem"));
    say("send buffers of TCP (least, first, most)", read("/proc/sys/net/ipv4/tcp_wmem"));
    say("largest receive buffer that can be asked for", read("/proc/sys/net/core/rmem_max"));
    let is_ours = link != Link::Server;
    say("server", is_ours.then(|| "a process of its own, --memory --unlimited".to_owned()));
    say("clients", Some("all in one process".to_owned()));
    settings
}

fn read(file: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
