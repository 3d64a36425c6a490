//! Line mode for people: commands in, readable lines out.

use std::time::Instant;

use chat_core::{client::Update, text, wire::MAX_FRAME};
use chat_front::{
    Conversation, Notice, Place,
    command::Command,
    conversation::Outcome,
    text::{Line, Transcript, en},
};
use jiff::Zoned;

use super::{
    input::Typed,
    session::{Flow, Frontend},
};
use crate::output::Output;

/// The front end for people.
#[derive(Debug)]
pub(crate) struct Human {
    transcript: Transcript,
    refused: usize,
}

impl Human {
    /// Times are shown as in the zone of `now`.
    pub(crate) fn new(now: &Zoned) -> Human {
        Human { transcript: Transcript::new(now), refused: 0 }
    }
}

impl Frontend for Human {
    fn enter(&mut self, conversation: &mut Conversation, room: &str, after: Option<u64>) {
        conversation.enter(room, after);
    }

    fn typed(
        &mut self,
        typed: Typed,
        conversation: &mut Conversation,
        now: Instant,
        out: &mut Output,
    ) -> anyhow::Result<Flow> {
        let line = match typed {
            Typed::Line(line) => Ok(text::clean(&line)),
            Typed::NotUtf8 => Err(Notice::NotUtf8),
            Typed::TooLong(size) => Err(Notice::TooLong { size, limit: MAX_FRAME as u64 }),
        };
        if line.as_deref().is_ok_and(|line| Command::parse(line) == Ok(Command::Help)) {
            en::HELP.into_iter().try_for_each(|words| out.line(&Line::note(words)))?;
            return Ok(Flow::On);
        }
        match line.and_then(|line| perform(&line, conversation, now)) {
            Ok(flow) => Ok(flow),
            Err(notice) => {
                self.refused += usize::from(notice != Notice::NotMeasuring); // which is an answer
                self.tell(&notice, out).map(|()| Flow::On)
            }
        }
    }

    fn update(
        &mut self,
        update: Update,
        conversation: &mut Conversation,
        out: &mut Output,
    ) -> anyhow::Result<()> {
        let notices = conversation.on_update(update);
        self.refused += notices.iter().filter(|notice| matches!(notice, Notice::Refused { .. })).count();
        notices.iter().try_for_each(|notice| self.tell(notice, out))
    }

    fn tell(&mut self, notice: &Notice, out: &mut Output) -> anyhow::Result<()> {
        Ok(self.transcript.lines(notice).iter().try_for_each(|line| out.line(line))?)
    }

    fn refused(&self) -> usize {
        self.refused
    }
}

/// Does what `line` says.
///
/// # Errors
/// What to tell the user instead.
fn perform(line: &str, conversation: &mut Conversation, now: Instant) -> Result<Flow, Notice> {
    let command = Command::parse(line)?;
    let place = conversation.rooms().current().map(|room| Place::Room(room.to_owned()));
    match conversation.perform(command, place.as_ref(), now)? {
        Outcome::Done | Outcome::Help | Outcome::Said(..) => {}
        Outcome::Tell(notice) => return Err(notice),
        Outcome::Enter(room) => drop(conversation.enter(room, None)),
        Outcome::Leave(Place::Room(room)) => conversation.leave(&room)?,
        Outcome::Leave(place @ Place::Person(_)) => return Err(Notice::NotIn { place }),
        Outcome::Search(words) => conversation.search(words, HITS)?,
        Outcome::History(limit) => {
            let room = conversation.rooms().current().ok_or(Notice::NoRoom)?.to_owned();
            conversation.older(&room, limit);
        }
        Outcome::Quit => return Ok(Flow::Quit),
    }
    Ok(Flow::On)
}

/// How much one `/search` brings.
const HITS: u64 = 20;
