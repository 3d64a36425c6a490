//! Requests to the kernel about interfaces (rtnetlink): bring one up, set its queue length, and add addresses.

use std::{
    io,
    net::IpAddr,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// Brings up the interface of this index.
pub(super) fn set_up(index: u32) -> io::Result<()> {
    request(RTM_NEWLINK, 0, &link(index, IFF_UP))
}

/// Sets how many packets the kernel holds for an interface. The ioctl for this would need root.
pub(super) fn set_queue(index: u32, packets: u32) -> io::Result<()> {
    let mut body = link(index, 0);
    body.extend(8_u16.to_ne_bytes());
    body.extend(IFLA_TXQLEN.to_ne_bytes());
    body.extend(packets.to_ne_bytes());
    request(RTM_NEWLINK, 0, &body)
}

/// The body of a request: an interface, and flags to set.
fn link(index: u32, flags: u32) -> Vec<u8> {
    [0, index, flags, flags].map(u32::to_ne_bytes).concat()
}

/// Adds an address to an interface, and the route to the network of that prefix.
pub(super) fn add_address(index: u32, address: IpAddr, prefix: u8) -> io::Result<()> {
    let (family, octets) = match address {
        IpAddr::V4(address) => (AddressFamily::Inet, address.octets().to_vec()),
        IpAddr::V6(address) => (AddressFamily::Inet6, address.octets().to_vec()),
    };
    let mut body = vec![family as u8, prefix, IFA_F_NODAD, 0];
    body.extend(index.to_ne_bytes());
    for attribute in [IFA_LOCAL, IFA_ADDRESS] {
        body.extend((4 + octets.len() as u16).to_ne_bytes());
        body.extend(attribute.to_ne_bytes());
        body.extend(&octets);
    }
    request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body)
}

fn request(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let socket: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    let mut message = Vec::new();
    message.extend((16 + body.len() as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    sendto(socket.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 1024];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    match answer[..length] {
        [_, _, _, _, a, b, _, _, _, _, _, _, _, _, _, _, c, d, e, f, ..]
            if u16::from_ne_bytes([a, b]) == NLMSG_ERROR =>
        {
            match i32::from_ne_bytes([c, d, e, f]) {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(-error)),
            }
        }
        _ => Err(io::Error::other("the kernel gave no answer to a netlink request")),
    }
}

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const IFF_UP: u32 = 1;
const IFLA_TXQLEN: u16 = 13;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// No duplicate address detection: no other host could have the address.
const IFA_F_NODAD: u8 = 2;
