//! What one client notes: what it asked for, what became of that, and what it was shown.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chat_core::{
    client::Update,
    wire::{Code, EntryFrame, Event},
};

/// The notes of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) name: String,
    /// In the order in which it was said; the tag of a request is its place here.
    pub(super) said: Vec<Said>,
    pub(super) shown: BTreeMap<String, Shown>,
    /// How often it was told to begin a room anew.
    pub(super) resets: usize,
    /// How often its link was lost.
    pub(super) cuts: usize,
    pub(super) is_connected: bool,
    /// Its newest page of history, as long as it has.
    pub(super) pages: usize,
    /// What must not be, whatever was done to the server.
    pub(super) wrong: Vec<String>,
}

/// Something it said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) room: String,
    pub(super) text: String,
    pub(super) asked: Instant,
    pub(super) answered: Option<Instant>,
    pub(super) fate: Fate,
}

/// What it knows of that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    Unknown,
    /// Stored there, in the run of the log that it read then.
    Acked {
        seq: u64,
        epoch: String,
    },
    /// Not stored, and it will not be.
    Refused(Code),
    /// The log failed, and so nobody can know.
    Failed,
}

/// What it was shown of a room.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) epoch: String,
    /// Sender and text of each number from `after` on.
    pub(super) entries: Vec<(String, String)>,
    pub(super) after: u64,
}

impl Notes {
    pub(super) fn say(&mut self, room: &str, text: &str) -> u64 {
        self.said.push(Said {
            room: room.to_owned(),
            text: text.to_owned(),
            asked: Instant::now(),
            answered: None,
            fate: Fate::Unknown,
        });
        self.said.len() as u64 - 1
    }

    pub(super) fn hear(&mut self, update: Update) {
        match update {
            Update::Connected(_) => self.is_connected = true,
            Update::Disconnected { .. } => {
                self.cuts += usize::from(self.is_connected);
                self.is_connected = false;
            }
            Update::Joined { joined, .. } => {
                let room = self.shown.entry(joined.room).or_default();
                room.epoch = joined.epoch;
            }
            Update::Entry(entry) => self.show(entry),
            Update::Reset { room } => {
                self.resets += 1;
                self.shown.insert(room, Shown::default());
            }
            Update::Gap(gap) => self.wrong.push(format!("{} was told of a gap: {gap:?}", self.name)),
            Update::Reply { reply: Event::Page(page), .. } => {
                self.pages += usize::from(!page.entries.is_empty())
            }
            Update::Reply { tag, reply } => self.answer(tag, reply),
            Update::Refused(error) => self.wrong.push(format!("{} was not let in: {error:?}", self.name)),
            Update::LostRoom { room, error } => {
                self.wrong.push(format!("{} lost {room}: {error:?}", self.name));
            }
            _ => {}
        }
    }

    fn show(&mut self, entry: EntryFrame) {
        let room = self.shown.entry(entry.room.clone()).or_default();
        let next = room.after + room.entries.len() as u64 + 1;
        if entry.seq != next {
            self.wrong.push(format!("{} was shown {} of {}, not {next}", self.name, entry.seq, entry.room));
        }
        room.entries.push((entry.author.name, entry.body.text));
    }

    fn answer(&mut self, tag: u64, reply: Event) {
        let epoch = |it: &Notes, room: &str| it.shown.get(room).map(|it| it.epoch.clone());
        let fate = match &reply {
            Event::Ack(ack) => {
                Fate::Acked { seq: ack.seq, epoch: epoch(self, &ack.room).unwrap_or_default() }
            }
            Event::Error(error) if error.code == Code::StorageFailed => Fate::Failed,
            Event::Error(error) => Fate::Refused(error.code),
            _ => return,
        };
        let Some(said) = usize::try_from(tag).ok().and_then(|it| self.said.get_mut(it)) else { return };
        if said.fate != Fate::Unknown {
            self.wrong.push(format!("{} was answered twice: {said:?}, then {reply:?}", self.name));
        }
        (said.fate, said.answered) = (fate, Some(Instant::now()));
    }
}

impl Said {
    pub(super) fn is_acked(&self) -> bool {
        matches!(self.fate, Fate::Acked { .. })
    }

    pub(super) fn took(&self) -> Option<Duration> {
        Some(self.answered? - self.asked)
    }
}
