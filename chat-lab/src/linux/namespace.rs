//! Moves the program into a network namespace, without root where the system permits that.

use std::{fs, io};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getgid, getuid},
};

use super::{device, netlink};
use crate::missing::Missing;

pub(crate) fn enter() -> Result<(), Missing> {
    let threads = fs::read_dir("/proc/self/task").map_err(Missing::Namespace)?.count();
    if threads != 1 {
        return Err(Missing::Threads(threads));
    }
    fs::File::options().read(true).write(true).open(device::NODE).map_err(Missing::Tun)?;
    isolate().and_then(|()| netlink::set_up(LOOPBACK)).map_err(Missing::Namespace)?;
    // Otherwise TCP would reuse in one conversation what it learned about the path in the conversation before. A kernel
    // without this setting still carries packets.
    let _ = fs::write("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
    Ok(())
}

/// Unshares the network namespace. Root needs no user namespace for that, and could not change its user in one.
fn isolate() -> io::Result<()> {
    if unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// The first interface of every namespace.
const LOOPBACK: u32 = 1;
