//! What there is to tell the user, as data. A renderer such as [`crate::text::en`] puts it into words.

use std::time::Duration;

use chat_core::{
    Address, NameError,
    client::Stats,
    wire::{EntryFrame, Error, Gap, Joined, Members, Page, Person, Presence, RoomSummary, Rooms},
    words::{Query, QueryError},
};

use crate::{
    command::{CommandName, Mistake},
    place::Place,
};

/// One thing to tell the user.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The server let the user in under this name: for the first time, or under another name than before.
    YouAre {
        /// The name.
        name: String,
    },
    /// The link is up again, under the same name.
    Back {
        /// The name.
        name: String,
        /// Whether it is the session from before. Another session has another inbox.
        resumed: bool,
    },
    /// The link is not encrypted, as the user wanted.
    NotEncrypted,
    /// The link was lost, or could not be made.
    Disconnected {
        /// Why.
        why: String,
        /// How long until the next try.
        retry_in: Duration,
        /// Whether the server had let the user in before.
        was_in: bool,
        /// Whether the link was up until now, rather than that another try failed.
        is_first: bool,
    },
    /// The conversation goes on at another address.
    Moved {
        /// Where.
        to: Address,
    },
    /// The conversation cannot go on as the user wants, under another name or over another transport.
    CannotGoOn {
        /// Why.
        why: String,
    },

    /// The server let the user into a room.
    Entered {
        /// What the server says of the room.
        joined: Joined,
        /// Why the room was entered.
        reason: EntryReason,
    },
    /// The room could not be entered again after a lost link.
    LostRoom {
        /// The room.
        room: String,
        /// Why.
        error: Error,
    },
    /// The user left this room.
    Left {
        /// The room.
        room: String,
    },
    /// The room in which a line without a command is said changed.
    CurrentRoom {
        /// The room, if the user is in any.
        room: Option<String>,
    },
    /// The numbers of a room began anew.
    Reset {
        /// The room.
        room: String,
    },
    /// The server no longer holds these entries.
    Gap(Gap),
    /// Something was said, or a topic set.
    Entry(EntryFrame),
    /// People entered a room and left it.
    Presence(Presence),
    /// Who is in a room.
    Members {
        /// The people.
        members: Members,
        /// Whether the user asked for them.
        is_asked: bool,
    },
    /// Who has a name.
    Person(Person),

    /// The server stored what was said.
    Stored {
        /// The tag of the request.
        tag: u64,
        /// Where it was said.
        place: Place,
        /// The number of its entry.
        seq: u64,
    },
    /// A page of older entries.
    Page {
        /// The tag of the request.
        tag: u64,
        /// The page.
        page: Page,
    },
    /// A page of what a search found.
    Found {
        /// What was searched for.
        query: Query,
        /// The entries found, newest first.
        entries: Vec<EntryFrame>,
        /// Where the search can go on.
        more: Option<u64>,
        /// Whether an earlier page came before this one.
        goes_on: bool,
    },
    /// The rooms of the server.
    Rooms(Rooms),
    /// What the network did.
    Stats {
        /// What was measured.
        stats: Stats,
        /// The server it was measured to.
        server: Address,
        /// Whether the user asked for it.
        is_asked: bool,
    },
    /// The server refused a request.
    Refused {
        /// The tag of the request.
        tag: u64,
        /// What the request was for.
        purpose: Purpose,
        /// Why.
        error: Error,
    },
    /// No answer came to a request, and none will.
    Unanswered {
        /// The tag of the request.
        tag: u64,
        /// What the request was for.
        purpose: Purpose,
    },
    /// An error that belongs to no request.
    Error(Error),

    /// The user is in no room.
    NoRoom,
    /// The user is not there.
    NotIn {
        /// Where.
        place: Place,
    },
    /// The user is talking with a person, where the command needs a room.
    NotARoom,
    /// This is no name of a room.
    CannotEnter {
        /// What was typed.
        room: String,
        /// Why it is no name.
        why: NameError,
    },
    /// The user cannot have this name.
    CannotBeCalled {
        /// Why it is no name.
        why: NameError,
    },
    /// No person can have this name.
    CannotTalkWith {
        /// Why it is no name.
        why: NameError,
    },
    /// These words cannot be searched for.
    CannotSearch {
        /// Why.
        why: QueryError,
    },
    /// The answer to the last search has not come yet.
    StillSearching,
    /// The server could not search its newest entries yet.
    NotSearchedYet {
        /// About how many.
        entries: u64,
    },
    /// The last search has found everything.
    NothingOlderFound,
    /// The text is longer than a message may be.
    TooLong {
        /// Its length in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The line that was typed is not UTF-8.
    NotUtf8,
    /// Too many requests have no answer yet.
    TooMuchUnanswered,
    /// The server has not let the user in yet.
    NotInYet,
    /// The network is no longer measured every so often.
    NotMeasuring,
    /// There is no such command.
    UnknownCommand {
        /// What was typed after the slash.
        word: String,
    },
    /// The command was not written as it has to be.
    Usage(CommandName),
    /// The message that was jumped to is no longer held by the server.
    NoLongerHeld,
    /// There is no room in the line for what was typed or pasted.
    LineIsFull,
}

/// Why a room was entered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntryReason {
    /// The user asked for it.
    Asked,
    /// Another session reads on where the one before had read to.
    ReadOn,
    /// The client entered the room again after a lost link.
    Reconnected,
}

/// What a request was for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// To say a text at a place.
    Say(Place, String),
    /// To set the topic of the current room.
    Topic(String),
    /// To enter this room.
    Join(String),
    /// To read on, in another session, in this room, which was entered before.
    ReadOn(String),
    /// To leave a room.
    Leave,
    /// To list who is in a room.
    Who,
    /// To ask who has a name.
    Whois,
    /// To list the rooms, of which these pages have come.
    Rooms(Vec<Vec<RoomSummary>>),
    /// To read a page of older messages.
    Page,
    /// To search.
    Search,
    /// To do what a program wants, under this number of the program's own.
    Program(u64),
}

impl From<Mistake<'_>> for Notice {
    fn from(mistake: Mistake<'_>) -> Notice {
        match mistake {
            Mistake::Unknown(word) => Notice::UnknownCommand { word: word.to_owned() },
            Mistake::Usage(command) => Notice::Usage(command),
        }
    }
}
