//! Where people meet, and how they come there.

use std::{fmt, sync::Arc};

use chat_core::{Address, SharedRuntime, transport::Transport};

/// Where people meet, and how they come there.
#[derive(Clone)]
pub struct Venue {
    /// Carries what they say.
    pub transport: Arc<dyn Transport>,
    /// Where the server is, as people dial it.
    pub address: Address,
    /// The server's password, if it has one.
    pub password: Option<String>,
    /// What names of people and rooms begin with, so that they are nobody else's: plain letters, digits and `-`.
    pub prefix: String,
    /// What it all runs on.
    pub runtime: SharedRuntime,
}

impl Venue {
    pub(crate) fn name_of(&self, person: usize) -> String {
        format!("{}{person}", self.prefix)
    }

    pub(crate) fn room_name(&self, room: usize) -> String {
        format!("{}room-{room}", self.prefix)
    }
}

impl fmt::Debug for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Venue").field("address", &self.address).finish_non_exhaustive()
    }
}
