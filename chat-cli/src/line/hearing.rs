//! What comes from the server: shown, and counted, so that it is known when everything asked for has come.

use std::collections::BTreeMap;

use anyhow::bail;
use chat_core::{
    client::{Remote, Update, Updates},
    wire::{EntryFrame, Event, Gap, INBOX, Join, Joined, Welcome},
};
use futures::{StreamExt, stream::Fuse};

use super::Face;
use crate::{
    output::Output,
    session::{Door, ends},
};

/// The hearing side of a conversation.
pub(super) struct Hearing<F> {
    pub(super) updates: Fuse<Updates>,
    pub(super) face: F,
    pub(super) out: Output,
    pub(super) door: Door,
    /// Requests without their one reply, that to measure included.
    pub(super) unanswered: usize,
    /// Requests that nobody waits for any more.
    given_up: usize,
    /// By room we are in, what of it has to come before we leave.
    pub(super) awaited: BTreeMap<String, Awaited>,
}

/// How far a room was read, and how far it is to be read. The end of the input does not wait longer.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    epoch: Option<String>,
    shown: u64,
    /// The number of the last thing we said there, or of the newest thing there when we came in.
    last: u64,
}

impl Awaited {
    pub(super) fn has_come(&self) -> bool {
        self.shown >= self.last
    }

    /// Where frames overtake each other, what we said may be here before we are told its number.
    fn comes_to(&mut self, seq: u64) {
        self.last = self.last.max(seq);
    }

    fn read_on(&self, room: &str) -> Join<'static> {
        let (room, epoch) = (room.to_owned().into(), self.epoch.clone().map(Into::into));
        Join { room, after: Some(self.shown), epoch, ..Join::default() }
    }
}

impl<F: Face> Hearing<F> {
    pub(super) fn new(updates: Updates, face: F, out: Output, door: Door) -> Hearing<F> {
        let awaited = BTreeMap::from([(INBOX.to_owned(), Awaited::default())]);
        Hearing { updates: updates.fuse(), face, out, door, unanswered: 0, given_up: 0, awaited }
    }

    pub(super) fn welcomed(&mut self, welcome: Welcome) -> anyhow::Result<()> {
        self.show(&Update::Connected(welcome))
    }

    /// Goes on in another session; what it has to ask for to miss nothing.
    ///
    /// # Errors
    /// When nothing more can be printed.
    pub(super) fn go_on(&mut self, updates: Updates, welcome: Welcome) -> anyhow::Result<Vec<Join<'static>>> {
        (self.updates, self.unanswered) = (updates.fuse(), 0);
        self.door = self.door.named(&welcome.name);
        self.awaited.insert(INBOX.to_owned(), Awaited::default()); // it has another
        self.welcomed(welcome)?;
        let rooms = self.awaited.iter().filter(|(room, _)| *room != INBOX);
        Ok(rooms.map(|(room, awaited)| awaited.read_on(room)).collect())
    }

    /// Takes the next update; none if there is no next one.
    ///
    /// # Errors
    /// When nothing more can be printed, or the conversation is over.
    pub(super) fn heard(&mut self, update: Option<Update>) -> anyhow::Result<()> {
        let Some(update) = update else { bail!("the conversation ended") };
        self.count(&update);
        self.show(&update)?;
        ends(&update)
    }

    /// Shows what was measured, and what comes before that.
    ///
    /// # Errors
    /// As for [`Hearing::heard`].
    pub(super) async fn measure(&mut self, remote: &mut Remote) -> anyhow::Result<()> {
        self.unanswered += 1;
        remote.measure().await?;
        loop {
            let update = self.updates.next().await;
            let is_measured = matches!(update, Some(Update::Stats(_)));
            self.heard(update)?;
            if is_measured {
                return Ok(());
            }
        }
    }

    /// Shows what still comes after the goodbye.
    pub(super) async fn last_words(&mut self, mut shown: bool) {
        while let Some(update) = self.updates.next().await {
            self.count(&update);
            let is_end = matches!(update, Update::Disconnected { .. } | Update::Goodbye(_));
            shown = shown && (is_end || self.show(&update).is_ok());
        }
    }

    /// # Errors
    /// When something asked has no answer.
    pub(super) fn all_answered(&self) -> anyhow::Result<()> {
        match (self.given_up, self.unanswered) {
            (0, 0) => Ok(()),
            (0, 1) => bail!("left before 1 request was answered"),
            (0, many) => bail!("left before {many} requests were answered"),
            (1, 0) => bail!("1 request was not answered"),
            (some, more) => bail!("{} requests were not answered", some + more),
        }
    }

    fn show(&mut self, update: &Update) -> anyhow::Result<()> {
        match update {
            Update::Stats(stats) => self.face.measured(stats, &self.door.server, &mut self.out),
            other => self.face.show(other, &mut self.out),
        }
    }

    fn count(&mut self, update: &Update) {
        match update {
            Update::Joined { tag, joined } => {
                if tag.is_some() {
                    self.answered();
                }
                self.joined(joined, tag.is_some());
            }
            Update::Entry(EntryFrame { room, seq, .. }) | Update::Gap(Gap { room, to: seq, .. }) => {
                self.awaited.entry(room.clone()).and_modify(|it| it.shown = it.shown.max(*seq));
            }
            Update::Reset { room } => {
                self.awaited.entry(room.clone()).and_modify(|it| (it.shown, it.last) = (0, 0));
            }
            Update::LostRoom { room, .. } => drop(self.awaited.remove(room)),
            Update::Moved { to } => self.door.moved(to),
            Update::Reply { reply, .. } => {
                self.answered();
                match reply {
                    Event::Ack(ack) => {
                        self.awaited.entry(ack.room.clone()).and_modify(|it| it.comes_to(ack.seq));
                    }
                    Event::Left(left) => drop(self.awaited.remove(&left.room)),
                    _ => {}
                }
            }
            Update::Unanswered { .. } => {
                self.answered();
                self.given_up += 1;
            }
            Update::Stats(_) => self.answered(),
            _ => {}
        }
    }

    fn joined(&mut self, joined: &Joined, was_asked: bool) {
        let awaited = self.awaited.entry(joined.room.clone()).or_default();
        awaited.epoch = Some(joined.epoch.clone());
        if was_asked {
            awaited.shown = joined.after;
            awaited.comes_to(joined.head);
        }
    }

    fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }
}
