//! The TUN device: what the kernel sends into it we read, and what we write into it the kernel receives.

use std::{fs, io, net::Ipv6Addr, thread, time::Duration};

use nix::net::if_::if_nametoindex;
use tun_rs::{DeviceBuilder, SyncDevice};

use super::netlink;
use crate::{Condition, packet};

pub(super) const NODE: &str = "/dev/net/tun";

/// Makes the device, with both ends' addresses. It is gone when it is closed.
pub(super) fn open(mtu: u16) -> io::Result<SyncDevice> {
    let device = DeviceBuilder::new().name(NAME).mtu(mtu).enable(false).build_sync()?;
    device.set_nonblocking(true)?;
    let index = if_nametoindex(NAME)?;
    netlink::set_queue(index, QUEUE)?;
    netlink::set_up(index)?;
    netlink::add_address(index, packet::CLIENT.into(), 24)?;
    netlink::add_address(index, packet::SERVER.into(), 24)?;
    // A kernel without IPv6 still has a link.
    if fs::exists("/proc/sys/net/ipv6")? {
        netlink::add_address(index, packet::CLIENT_V6.into(), 64)?;
        netlink::add_address(index, packet::SERVER_V6.into(), 64)?;
        for address in [packet::CLIENT_V6, packet::SERVER_V6] {
            wait_for(address)?;
        }
    }
    Ok(device)
}

/// The kernel gives an IPv6 address at some later time, and drops what is for it until then.
fn wait_for(address: Ipv6Addr) -> io::Result<()> {
    let route = format!("{:032x} 80 ", address.to_bits());
    for _ in 0..1000 {
        if fs::read_to_string("/proc/thread-self/net/ipv6_route")?.lines().any(|it| it.starts_with(&route)) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("the kernel did not take the address {address}")))
}

/// The device's own MTU: what is shorter in one direction is refused by the emulator, as by a router behind it. With
/// less than 1280 bytes there would be no IPv6.
pub(super) fn mtu(up: &Condition, down: &Condition) -> u16 {
    up.settings().mtu.max(down.settings().mtu).max(1280)
}

/// How many packets the kernel threw away because nobody read them in time.
pub(super) fn missed() -> Option<u64> {
    let table = fs::read_to_string("/proc/thread-self/net/dev").ok()?;
    let line = table.lines().find_map(|line| line.trim().strip_prefix(NAME)?.strip_prefix(':'))?;
    line.split_whitespace().nth(TRANSMIT_DROP)?.parse().ok()
}

const NAME: &str = "emu0";
/// In packets: what the kernel holds while the emulator does something else, 100 ms at 100,000 a second.
const QUEUE: u32 = 10_000;
const TRANSMIT_DROP: usize = 11;
