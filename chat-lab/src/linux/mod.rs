//! The lab on Linux: a namespace, a TUN device in it, and a thread that carries packets from the device to itself.

mod device;
mod emulator;
pub(crate) mod namespace;
mod netlink;
pub(crate) mod running;
