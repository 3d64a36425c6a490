//! Whether a session is still there whose link would not tell: it is asked for a sign of life.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::state::Session;
use crate::wire::{Event, Heads};

/// The asking, as far as it went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    last: Instant,
    times: u32,
    /// Its client has asked for something since.
    pub(crate) answered: bool,
}

/// What is known of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Alive {
    /// It is there.
    Yes,
    /// It was asked often enough and said nothing.
    No,
    /// It has been asked.
    Unknown,
}

impl Session {
    /// Whether the session is there. On a link that loses nothing it is: the end of that would be known.
    pub(crate) fn probe(&self, now: Instant) -> Alive {
        let Some(mut state) = self.present() else { return Alive::No };
        if state.promises.reliable {
            return Alive::Yes;
        }
        // One that was left off long ago tells nothing.
        let probe = match state.probe.filter(|it| now < it.last + FORGOTTEN) {
            Some(probe) if probe.answered => {
                state.probe = None;
                return Alive::Yes;
            }
            Some(probe) if now < probe.last + PAUSE => return Alive::Unknown,
            Some(probe) if probe.times == TIMES => return Alive::No,
            Some(probe) => Probe { last: now, times: probe.times + 1, ..probe },
            None => Probe { last: now, times: 1, answered: false },
        };
        state.probe = Some(probe);
        drop(state);
        self.mailbox().reply(&Event::Heads(Heads { rooms: BTreeMap::new() }));
        self.wake();
        Alive::Unknown
    }
}

const PAUSE: Duration = Duration::from_millis(400);
const TIMES: u32 = 3;
const FORGOTTEN: Duration = Duration::from_secs(15);
