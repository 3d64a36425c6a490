//! Where people meet, and how they come there.

use std::{fmt, sync::Arc};

use chat_core::{Address, SharedRuntime, transport::Transport};

/// Where the people meet and how they come there.
#[derive(Clone)]
pub struct Venue {
    /// Carries the conversation.
    pub transport: Arc<dyn Transport>,
    /// Where the server is, as people dial it.
    pub address: Address,
    /// Whether nothing is made up for.
    pub raw: bool,
    /// What names of people and rooms begin with, so that they are nobody else's.
    pub prefix: String,
    /// What it all runs on.
    pub runtime: SharedRuntime,
}

impl Venue {
    pub(crate) fn name_of(&self, person: usize) -> String {
        format!("{}{person}", self.prefix)
    }
}

impl fmt::Debug for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Venue")
            .field("address", &self.address)
            .field("raw", &self.raw)
            .finish_non_exhaustive()
    }
}
