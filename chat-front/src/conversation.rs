//! A conversation with a server, without I/O: commands in, requests out; what the client reports in, notices out.
//!
//! A front end calls [`Conversation::perform`] with what its user typed and [`Conversation::on_update`] with what the
//! client reported; [`crate::Connection`] carries out the [`Action`]s. What differs between front ends, such as how
//! older messages are shown, is left to them and comes back as an [`Outcome`].

use std::time::Instant;

use chat_core::{
    Address,
    wire::{INBOX, Join, RequestBody, Welcome},
};

use crate::{
    command::Measure,
    notice::{Notice, Purpose},
    place::is_same,
};

mod measuring;
mod outcome;
mod perform;
mod requests;
mod rooms;
mod search;
#[cfg(test)]
mod tests;
mod updates;

pub use outcome::Outcome;
pub use requests::Action;
pub use rooms::Rooms;

use measuring::Measuring;
use requests::Requests;
use search::Search;

/// The state of a conversation.
#[derive(Debug)]
pub struct Conversation {
    /// The user's own name, once the server has said it.
    me: Option<String>,
    server: Address,
    rooms: Rooms,
    requests: Requests,
    search: Option<Search>,
    measuring: Measuring,
    /// Whether the link was lost and is not up again.
    is_lost: bool,
    is_encrypted: bool,
}

impl Conversation {
    /// A conversation with `server` that has not begun yet.
    pub fn new(server: Address) -> Conversation {
        Conversation {
            me: None,
            server,
            rooms: Rooms::default(),
            requests: Requests::default(),
            search: None,
            measuring: Measuring::default(),
            is_lost: false,
            is_encrypted: true,
        }
    }

    /// Says whether what is said cannot be read on the way.
    #[must_use]
    pub fn encrypted(self, is_encrypted: bool) -> Conversation {
        Conversation { is_encrypted, ..self }
    }

    /// Whether what is said cannot be read on the way.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The user's own name, once the server has said it.
    pub fn me(&self) -> Option<&str> {
        self.me.as_deref()
    }

    /// Whether `name` is the user's own.
    pub fn is_me(&self, name: &str) -> bool {
        self.me.as_deref().is_some_and(|me| is_same(me, name))
    }

    /// The address of the server.
    pub fn server(&self) -> &Address {
        &self.server
    }

    /// The rooms that the user has entered.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// What the request with this tag was for, if it has no answer yet.
    pub fn purpose(&self, tag: u64) -> Option<&Purpose> {
        self.requests.purpose(tag)
    }

    /// How many requests have no answer yet.
    pub fn unanswered(&self) -> usize {
        self.requests.unanswered()
    }

    /// How many requests are known to stay without an answer.
    pub fn given_up(&self) -> usize {
        self.requests.given_up
    }

    /// The number of messages without an answer, which may or may not be stored.
    pub fn unsaid(&self) -> usize {
        self.requests.unsaid()
    }

    /// Whether everything asked for is answered and nothing waits to be asked for.
    pub fn is_settled(&self) -> bool {
        self.requests.is_settled()
    }

    /// Whether so little is under way that a front end may read more of what is typed ahead.
    pub fn takes_more(&self) -> bool {
        self.requests.takes_more()
    }

    /// Asks to enter `room` and to read it from the entry after `after` on. Returns the tag of the request.
    pub fn enter(&mut self, room: &str, after: Option<u64>) -> u64 {
        self.rooms.enter(room);
        let join = Join { room: room.to_owned().into(), after, ..Join::default() };
        self.requests.ask(RequestBody::Join(join), Purpose::Join(room.to_owned()))
    }

    /// Asks what a program wants, under the number `id` of the program's own.
    pub fn pass_on(&mut self, request: RequestBody<'static>, id: u64) -> u64 {
        match &request {
            // A program may read the inbox from a number on; but nothing is said there.
            RequestBody::Join(join) if join.room != INBOX => self.rooms.enter(&join.room),
            RequestBody::Leave(leave) => self.rooms.leave(&leave.room),
            _ => {}
        }
        self.requests.ask(request, Purpose::Program(id))
    }

    /// Measures what the network does, for the user to see.
    pub fn measure(&mut self, measure: Measure, now: Instant) {
        if self.measuring.begin(measure, now) {
            self.requests.measure();
        }
    }

    /// Measures what the network does for the front end itself.
    pub fn measure_quietly(&mut self) {
        self.requests.measure();
    }

    /// When to call [`Conversation::on_timeout`] next, if time alone changes anything.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.measuring.next()
    }

    /// Does what is due at `now`.
    pub fn on_timeout(&mut self, now: Instant) {
        if self.measuring.is_due(now) {
            self.requests.measure();
        }
    }

    /// The next action to carry out, if there is one now.
    pub fn next_action(&mut self) -> Option<Action> {
        self.requests.next()
    }

    /// Whether [`Conversation::next_action`] has something.
    pub fn has_action(&self) -> bool {
        self.requests.has_next()
    }

    /// What still can be sent before the user leaves. What has to wait for another name is not among it.
    pub fn take_unsent(&mut self) -> Vec<Action> {
        self.requests.take_unsent()
    }

    /// Goes on in another session, under another name: every room is read on from where it was read to, and then what
    /// was held back is asked for.
    pub fn renamed(&mut self, welcome: &Welcome) -> Vec<Notice> {
        self.requests.renamed(self.rooms.read_on());
        self.rooms.inbox_ended();
        self.connected(welcome)
    }

    /// Stays under the same name, because of `why`.
    pub fn not_renamed(&mut self, why: String) -> Notice {
        self.requests.not_renamed();
        Notice::CannotGoOn { why }
    }

    fn connected(&mut self, welcome: &Welcome) -> Vec<Notice> {
        self.is_lost = false;
        let name = welcome.name.clone();
        match self.me.replace(name.clone()) {
            Some(before) if before == name => vec![Notice::Back { name, resumed: welcome.resumed }],
            None if !self.is_encrypted => vec![Notice::YouAre { name }, Notice::NotEncrypted],
            _ => vec![Notice::YouAre { name }],
        }
    }
}
