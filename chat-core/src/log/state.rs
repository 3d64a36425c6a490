//! The state of a room: the newest entry of each kind that [is state](EntryKind::is_state), folded from its entries.

use std::{collections::BTreeMap, sync::Arc};

use super::LogEntry;
use crate::wire::{Body, EntryKind};

/// The state of a room. Every log and every server computes it with [`StateMap::apply`] alone, so all of them agree.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StateMap(BTreeMap<EntryKind, StateEntry>);

/// The newest entry of one kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateEntry {
    /// Its number.
    pub seq: u64,
    /// Its content, which stays when the entry itself is deleted.
    pub body: Arc<Body>,
}

impl StateMap {
    /// Takes the next entry of the room into account. Returns whether the state has changed.
    pub fn apply(&mut self, entry: &LogEntry) -> bool {
        let is_state = entry.body.kind.is_state();
        if is_state {
            self.set(StateEntry { seq: entry.seq, body: entry.body.clone() });
        }
        is_state
    }

    /// Puts back a state entry that a log has kept.
    pub fn set(&mut self, entry: StateEntry) {
        self.0.insert(entry.body.kind.clone(), entry);
    }

    /// The newest entry of this kind.
    pub fn get(&self, kind: &EntryKind) -> Option<&StateEntry> {
        self.0.get(kind)
    }

    /// All state entries, in the order of their kinds.
    pub fn iter(&self) -> impl Iterator<Item = &StateEntry> {
        self.0.values()
    }

    /// The room's topic, empty if there is none.
    pub fn topic(&self) -> &str {
        self.get(&EntryKind::Topic).map_or("", |entry| &entry.body.text)
    }
}
