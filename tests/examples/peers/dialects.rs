//! What is said to servers and heard from them, in each protocol just enough to talk in a room.

mod chat;
mod irc;
mod mqtt;
mod nats;

pub use self::{chat::Chat, irc::Irc, mqtt::Mqtt, nats::Nats};

/// How to talk to a kind of server.
pub trait Dialect: Sync {
    /// What a client says first, so that it gets into a room.
    fn greet(&self, name: &str, room: &str, out: &mut Vec<u8>);

    /// A message, the `nth` of all. The text has no quotes and no line ends.
    fn say(&self, room: &str, nth: u64, text: &str, out: &mut Vec<u8>);

    /// The first thing in what came, and how many bytes it takes; none while it is not whole. `room` is that of who reads.
    fn hear<'a>(&self, bytes: &'a [u8], room: &str) -> Option<(Heard<'a>, usize)>;

    /// Whether who says something is given it back.
    fn echoes(&self) -> bool {
        true
    }
}

/// What a server said.
#[derive(Debug, PartialEq)]
pub enum Heard<'a> {
    /// What somebody said; the text is in there.
    Message(&'a [u8]),
    /// Who listens is in the room now.
    Entered,
    /// Something that has to be answered with this.
    Answer(Vec<u8>),
    /// Something will not be done.
    Refused(&'a [u8]),
    /// What does not matter here.
    Nothing,
}
