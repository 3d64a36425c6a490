//! Requests: which wait to be sent, which wait for an answer, and the change of a name between them.

use std::collections::{BTreeMap, VecDeque};

use chat_core::wire::{Join, RequestBody};

use crate::notice::Purpose;

/// Something to be carried out for a conversation, in order.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Ask this of the server, under this tag.
    Ask(RequestBody<'static>, u64),
    /// Ask the client what it has measured.
    Measure,
    /// Go on over another transport, or at another address.
    Move(String),
    /// Open another session, under this name, and go on in it.
    Rename(String),
}

/// All requests of a conversation.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// What is not answered yet, by tag.
    purposes: BTreeMap<u64, Purpose>,
    last_tag: u64,
    queue: VecDeque<Action>,
    /// Another session is being opened. Until then nothing is asked in the present one.
    is_renaming: bool,
    /// Figures that were asked for and have not come.
    measures: usize,
    /// Requests that were never answered.
    pub(super) given_up: usize,
}

impl Requests {
    /// Asks for something. Returns the tag under which the answer comes.
    pub(super) fn ask(&mut self, request: RequestBody<'static>, purpose: Purpose) -> u64 {
        self.last_tag += 1;
        self.purposes.insert(self.last_tag, purpose);
        self.queue.push_back(Action::Ask(request, self.last_tag));
        self.last_tag
    }

    pub(super) fn measure(&mut self) {
        self.measures += 1;
        self.queue.push_back(Action::Measure);
    }

    pub(super) fn move_to(&mut self, to: String) {
        self.queue.push_back(Action::Move(to));
    }

    pub(super) fn rename(&mut self, name: String) {
        self.queue.push_back(Action::Rename(name));
    }

    pub(super) fn purpose(&self, tag: u64) -> Option<&Purpose> {
        self.purposes.get(&tag)
    }

    /// An answer has come. Returns what the request was for.
    pub(super) fn answered(&mut self, tag: u64) -> Option<Purpose> {
        self.purposes.remove(&tag)
    }

    /// No answer comes any more. Returns what the request was for.
    pub(super) fn give_up(&mut self, tag: u64) -> Option<Purpose> {
        self.given_up += 1;
        self.purposes.remove(&tag)
    }

    /// Figures have come.
    pub(super) fn measured(&mut self) {
        self.measures = self.measures.saturating_sub(1);
    }

    pub(super) fn unanswered(&self) -> usize {
        self.purposes.len() + self.measures
    }

    pub(super) fn unsaid(&self) -> usize {
        self.purposes.values().filter(|purpose| matches!(purpose, Purpose::Say(..))).count()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty() && !self.is_renaming && self.unanswered() == 0
    }

    pub(super) fn takes_more(&self) -> bool {
        self.queue.len() < MOST_QUEUED && self.has_place()
    }

    /// Whether one more message may be said.
    pub(super) fn has_place(&self) -> bool {
        self.purposes.len() < MOST_UNANSWERED
    }

    pub(super) fn has_next(&self) -> bool {
        self.next_at().is_some()
    }

    pub(super) fn next(&mut self) -> Option<Action> {
        let action = self.queue.remove(self.next_at()?)?;
        self.is_renaming |= matches!(action, Action::Rename(_));
        Some(action)
    }

    /// Where the action is in the queue that can be carried out next. A session is left for another one only once
    /// everything asked in it is answered; what is asked for meanwhile waits, and figures do not.
    fn next_at(&self) -> Option<usize> {
        let waits = match self.queue.front()? {
            _ if self.is_renaming => true,
            Action::Rename(_) => self.sent() > 0,
            _ => false,
        };
        if waits { self.queue.iter().position(|action| *action == Action::Measure) } else { Some(0) }
    }

    /// How many requests were sent and have no answer.
    fn sent(&self) -> usize {
        let waiting = self.queue.iter().filter(|action| matches!(action, Action::Ask(..))).count();
        self.purposes.len() - waiting
    }

    pub(super) fn take_unsent(&mut self) -> Vec<Action> {
        if self.is_renaming {
            return Vec::new();
        }
        let until = self.queue.iter().position(|action| matches!(action, Action::Rename(_)));
        self.queue.drain(..until.unwrap_or(self.queue.len())).collect()
    }

    /// Another session is open: `joins` read on in it, before everything that was held back.
    pub(super) fn renamed(&mut self, joins: Vec<Join<'static>>) {
        self.is_renaming = false;
        self.measures = self.queue.iter().filter(|action| **action == Action::Measure).count();
        for join in joins.into_iter().rev() {
            self.last_tag += 1;
            self.purposes.insert(self.last_tag, Purpose::ReadOn(join.room.to_string()));
            self.queue.push_front(Action::Ask(RequestBody::Join(join), self.last_tag));
        }
    }

    pub(super) fn not_renamed(&mut self) {
        self.is_renaming = false;
    }
}

/// How much may wait to be sent before a front end reads no more of what is typed ahead.
const MOST_QUEUED: usize = 64;

/// How many requests may have no answer before nothing more is said: as many as the client keeps.
const MOST_UNANSWERED: usize = 1_000;
