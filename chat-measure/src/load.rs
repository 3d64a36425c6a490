//! Load on a running server: many clients join, some of them send messages, and the deliveries are counted.
//!
//! Each message carries a stamp: its number and the time at which it was due. A receiver therefore needs no record of what
//! was sent. Senders and receivers run in one process, so a single clock tells how long a delivery took.

mod clients;
mod delivery;
mod figures;
mod full_client;
mod light_client;
mod orders;
mod report;
mod sender;
mod shared;
mod spec;
mod stamp;

pub use clients::{Clients, Watch};
pub use figures::Figures;
pub use report::{Asked, Cost, Memory, Report};
pub use shared::LoadCounters;
pub use spec::{ImpossibleLoad, Lasts, Load, Pace};
