//! Which request an event is the reply to.

use super::Event;

impl Event {
    /// The number of the request this is the reply to.
    pub fn reply_to(&self) -> Option<u64> {
        match self {
            Event::Joined(it) => Some(it.id),
            Event::Left(it) => Some(it.id),
            Event::Ack(it) => Some(it.id),
            Event::Members(it) => Some(it.id),
            Event::Rooms(it) => Some(it.id),
            Event::Page(it) => Some(it.id),
            Event::Replayed(it) => Some(it.id),
            Event::Found(it) => Some(it.id),
            Event::Pong(it) => Some(it.id),
            Event::Linked(it) => Some(it.id),
            Event::Prove(it) => it.id,
            Event::Claimed(it) => Some(it.id),
            Event::Keys(it) => Some(it.id),
            Event::Revoked(it) => Some(it.id),
            Event::Person(it) => Some(it.id),
            Event::Error(it) => it.id,
            _ => None,
        }
    }

    /// Makes it the reply to another request, if it is one request's reply or error.
    pub fn set_reply_to(&mut self, id: u64) {
        match self {
            Event::Joined(it) => it.id = id,
            Event::Left(it) => it.id = id,
            Event::Ack(it) => it.id = id,
            Event::Members(it) => it.id = id,
            Event::Rooms(it) => it.id = id,
            Event::Page(it) => it.id = id,
            Event::Replayed(it) => it.id = id,
            Event::Found(it) => it.id = id,
            Event::Pong(it) => it.id = id,
            Event::Linked(it) => it.id = id,
            Event::Prove(it) => it.id = Some(id),
            Event::Claimed(it) => it.id = id,
            Event::Keys(it) => it.id = id,
            Event::Revoked(it) => it.id = id,
            Event::Person(it) => it.id = id,
            Event::Error(it) => it.id = Some(id),
            _ => {}
        }
    }
}
