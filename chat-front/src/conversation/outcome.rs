//! What a command leaves to do for the front end.

use crate::{notice::Notice, place::Place};

/// What is left to do for the front end after a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// Nothing.
    Done,
    /// To tell this to the user.
    Tell(Notice),
    /// To show that this is being said there, under this tag.
    Said(Place, &'a str, u64),
    /// To enter this room, by `Conversation::enter` if the user is not in it.
    Enter(&'a str),
    /// To leave this place: a room by `Conversation::leave`, a person as the front end has it.
    Leave(Place),
    /// To search for this, by `Conversation::search`.
    Search(Option<&'a str>),
    /// To show at most this many older messages of the current room.
    History(Option<u64>),
    /// To list the commands.
    Help,
    /// To leave everything.
    Quit,
}
