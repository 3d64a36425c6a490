//! An emulated link between a client and a server on this machine: real packets of the kernel's TCP and UDP cross it,
//! over IPv4 and IPv6, and it delays, loses, doubles, reorders, corrupts and queues them as it is told, from a seed.
//!
//! A program enters a network namespace of its own ([`Lab::enter`]), makes a link ([`Lab::link`]), lets a server listen
//! on any address and lets a client connect to [`Running::server_address`]. Linux only; elsewhere, and where the system
//! does not permit it, entering fails and says what is missing.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use chat_lab::{Condition, Lab};
//!
//! let lab = Lab::enter()?; // first of all, before there is any other thread
//! let up: Condition = "delay=20ms,jitter=5ms,loss=2%".parse()?;
//! let link = lab.link(up, Condition::default(), 42)?;
//! // ... let a client connect to link.server_address() ...
//! let counts = link.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Condition`] and [`Path`] are the same without I/O or clock, for any system.

// What is not known to work elsewhere is not used there.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod capture;
mod condition;
mod counts;
mod dice;
mod flows;
mod lab;
#[cfg(target_os = "linux")]
mod linux;
mod packet;
mod path;

use std::ops::Not;

pub use condition::{Condition, Impossible, LONGEST, Loss, Outage, Settings, Share, time};
pub use counts::{Counts, Protocols, Stalls, TcpCounts, Traffic, Volume};
pub use lab::{Lab, Missing, Running};
pub use path::{Delivery, Fate, Path, Why};

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

impl Not for Direction {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}
