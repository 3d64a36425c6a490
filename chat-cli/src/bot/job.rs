//! A message that a program has to answer, and its requester.

use chat_core::{PersonName, RoomName};

/// The person who asks the bot something, and the room (or inbox) they ask it in.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Requester {
    pub(crate) room: RoomName,
    pub(crate) person: PersonName,
}

/// One message for the bot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Job {
    pub(crate) requester: Requester,
    pub(crate) text: String,
}
