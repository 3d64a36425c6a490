//! An emulated link between a client and a server on this machine. Real packets of the kernel's TCP and UDP cross the link,
//! over IPv4 and IPv6, and the link delays, loses, doubles, reorders, corrupts and queues them as told, from a seed.
//!
//! A program enters a network namespace of its own ([`Lab::enter`]), makes a link ([`Lab::link`]), lets a server listen
//! on any address and lets a client connect to [`Running::server_address`]. This works on Linux only. On other systems, and
//! where the system does not permit it, entering fails and says what is missing.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use chat_lab::{Condition, Lab};
//!
//! let lab = Lab::enter()?; // before the program starts any other thread
//! let up: Condition = "delay=20ms,jitter=5ms,loss=2%".parse()?;
//! let link = lab.link(up, Condition::default(), 42)?;
//! // ... let a client connect to link.server_address() ...
//! let counts = link.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Condition`] and [`Path`] make the same decisions without I/O or clock, on any system.

// The code that only the Linux part uses is compiled everywhere.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod capture;
mod condition;
mod counts;
mod dice;
mod direction;
mod flows;
mod lab;
#[cfg(target_os = "linux")]
mod linux;
mod missing;
mod packet;
mod path;

pub use condition::{Condition, Impossible, LONGEST, Loss, Outage, Settings, Share, time};
pub use counts::{Counts, Protocols, Stalls, TcpCounts, Traffic, Volume};
pub use direction::Direction;
pub use lab::{Lab, Running};
pub use missing::Missing;
pub use path::{Delivery, DropReason, Fate, Path};
