//! The lab on Linux: a network namespace, a TUN device in it, and a thread that carries packets from the device back to it.

mod device;
mod emulator;
pub(crate) mod namespace;
mod netlink;
pub(crate) mod running;
