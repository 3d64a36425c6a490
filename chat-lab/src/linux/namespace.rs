//! A network namespace for this program, without root where the system permits it.

use std::{fs, io};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getgid, getuid},
};

use super::netlink;
use crate::Missing;

pub(crate) fn enter() -> Result<(), Missing> {
    let threads = fs::read_dir("/proc/self/task").map_err(Missing::Namespace)?.count();
    if threads != 1 {
        return Err(Missing::Threads(threads));
    }
    fs::File::options().read(true).write(true).open(super::device::NODE).map_err(Missing::Tun)?;
    isolate().and_then(|()| netlink::set_up(LOOPBACK)).map_err(Missing::Namespace)?;
    // What TCP learned of the other end in one conversation would speak in the next. A kernel that does not let it be
    // forgotten still carries packets.
    let _ = fs::write("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
    Ok(())
}

/// Root needs no user namespace, and in one it could not become anybody else.
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
