//! The tickets that a program which dials has been given, one for each address (protocol 19.18.2).

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chat_core::Address;

use crate::resumption::Ticket;

/// The newest ticket of each server.
#[derive(Default)]
pub(crate) struct KeptTickets(Mutex<HashMap<String, Ticket>>);

impl KeptTickets {
    /// The ticket for the server at `address`.
    pub(crate) fn of(&self, address: &Address) -> Option<Ticket> {
        self.lock().get(&address.to_string()).cloned()
    }

    /// Keeps a ticket in place of the one before.
    pub(crate) fn keep(&self, address: String, ticket: Ticket) {
        let mut known = self.lock();
        if known.len() >= MOST && !known.contains_key(&address) {
            // Another server's clients then do one longer handshake.
            if let Some(other) = known.keys().next().cloned() {
                known.remove(&other);
            }
        }
        known.insert(address, ticket);
    }

    /// Forgets the ticket for the server at `address`, which is of no use.
    pub(crate) fn forget(&self, address: &Address) {
        self.lock().remove(&address.to_string());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeptTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptTickets").field("count", &self.lock().len()).finish()
    }
}

/// More servers than a program dials.
const MOST: usize = 64;
