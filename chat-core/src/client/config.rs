//! The settings of a client.

use std::fmt;

use crate::ClientId;

/// The settings of a client, which hold as long as it runs.
#[derive(Clone)]
pub struct Config {
    /// The name it asks for.
    pub name: String,
    /// Names its requests: 128 random bits, new for each run.
    pub client: ClientId,
    /// The server's password, if it has one.
    pub password: Option<String>,
    /// The seed for the jitter of its timers.
    pub seed: u64,
    /// Shows what a link does that may lose frames: only the requests that open sessions and rooms are sent again, lost
    /// entries are not asked for, and entries are shown as they arrive. On lossless links this changes nothing.
    pub raw: bool,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("name", &self.name).field("seed", &self.seed).finish_non_exhaustive()
    }
}
