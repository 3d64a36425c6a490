//! Line mode for programs: JSON requests or texts in, one JSON event a line out.

use std::{borrow::Cow, time::Instant};

use chat_core::{
    client::Update,
    text,
    wire::{self, Code, Error, Event, Goodbye, Join, LimitsFrame, MAX_FRAME, Post, Request, RequestBody},
};
use chat_front::{Conversation, Notice, Purpose, command::Measure};
use serde::{Deserialize, Serialize};

use super::{
    input::Typed,
    session::{Flow, Frontend},
};
use crate::{output::Output, stats};

/// The front end for programs. A request's `id` is the program's own; a request without one gets 0.
#[derive(Debug, Default)]
pub(crate) struct Json {
    /// Lines that could not be read, and those without a number that the server refused: the program cannot tell by the
    /// event which of its lines that was.
    refused: usize,
}

/// What a line asks for.
#[derive(Debug, PartialEq)]
enum Parsed {
    /// This request, under this number of the program's own.
    Ask(RequestBody<'static>, u64),
    /// What the network does.
    Measure,
    Nothing,
    Quit,
}

/// Reads `line`. A text is said in the room `current`.
fn understood(line: &str, current: Option<&str>) -> Result<Parsed, Error> {
    if line.starts_with('{') {
        let Request { id, body, .. } = read_request(line)?;
        return match body {
            RequestBody::Unknown(unknown) if unknown.tag == STATS => Ok(Parsed::Measure),
            RequestBody::Unknown(unknown) => {
                let message = format!("no request is called {}", unknown.tag);
                Err(Error { id, ..error(Code::Unsupported, message) })
            }
            RequestBody::Bye => Ok(Parsed::Quit),
            known => Ok(Parsed::Ask(known, id.unwrap_or_default())),
        };
    }
    let text = text::clean(line);
    if text.trim().is_empty() {
        return Ok(Parsed::Nothing);
    }
    let room = current.ok_or_else(|| error(Code::NotJoined, "in no room to say this in"))?;
    Ok(Parsed::Ask(Post::say(room.to_owned(), text).into(), 0))
}

impl Frontend for Json {
    fn enter(&mut self, conversation: &mut Conversation, room: &str, after: Option<u64>) {
        let join = Join { room: Cow::Owned(room.to_owned()), after, ..Join::default() };
        conversation.pass_on(RequestBody::Join(join), 0);
    }

    fn typed(
        &mut self,
        typed: Typed,
        conversation: &mut Conversation,
        now: Instant,
        out: &mut Output,
    ) -> anyhow::Result<Flow> {
        let parsed = match &typed {
            Typed::Line(line) => understood(line, conversation.rooms().current()),
            Typed::NotUtf8 => Err(error(Code::BadFrame, "not UTF-8")),
            Typed::TooLong(size) => {
                Err(error(Code::TooLarge, format!("{size} bytes are over the limit of {MAX_FRAME}")))
            }
        };
        match parsed {
            Ok(Parsed::Ask(request, id)) => drop(conversation.pass_on(request, id)),
            Ok(Parsed::Measure) => conversation.measure(Measure::Once, now),
            Ok(Parsed::Nothing) => {}
            Ok(Parsed::Quit) => return Ok(Flow::Quit),
            Err(error) => {
                self.refused += 1;
                out.json(&Event::Error(error))?;
            }
        }
        Ok(Flow::On)
    }

    fn update(
        &mut self,
        update: Update,
        conversation: &mut Conversation,
        out: &mut Output,
    ) -> anyhow::Result<()> {
        if let Update::Reply { tag, reply: Event::Error(_) } = &update {
            self.refused += usize::from(id(conversation, *tag) == 0);
        }
        if let Update::Stats(stats) = &update {
            out.json(&stats::event(stats, conversation.server()))?;
        } else if let Some(event) = shown(&update, |tag| id(conversation, tag)) {
            out.json(&event)?;
        }
        drop(conversation.on_update(update));
        Ok(())
    }

    fn tell(&mut self, _: &Notice, _: &mut Output) -> anyhow::Result<()> {
        Ok(()) // programs read events
    }

    fn refused(&self) -> usize {
        self.refused
    }
}

/// The program's own number for the request with this tag.
fn id(conversation: &Conversation, tag: u64) -> u64 {
    match conversation.purpose(tag) {
        Some(Purpose::Program(id)) => *id,
        _ => 0,
    }
}

/// What a program is told of `update`; `id` is its own number for a request.
fn shown(update: &Update, id: impl Fn(u64) -> u64) -> Option<Shown<'_>> {
    Some(match update {
        Update::Connected(welcome) => Shown::Own(Own::Connected {
            protocol: welcome.protocol,
            name: &welcome.name,
            server: &welcome.server,
            resumed: welcome.resumed,
            limits: &welcome.limits,
        }),
        Update::Disconnected { why, retry_in } => {
            let retry_ms = u64::try_from(retry_in.as_millis()).unwrap_or(wire::MAX_INTEGER);
            Shown::Own(Own::Disconnected { why, retry_ms })
        }
        Update::Entry(entry) => Shown::Wire(Event::Entry(entry.clone())),
        Update::Gap(gap) => Shown::Wire(Event::Gap(gap.clone())),
        Update::Goodbye(reason) => {
            Shown::Wire(Event::Goodbye(Goodbye { reason: *reason, retry_after_ms: None }))
        }
        Update::Joined { tag, joined } => {
            Shown::Wire(numbered(Event::Joined(joined.clone()), tag.map_or(0, id)))
        }
        Update::Members(members) => Shown::Wire(Event::Members(members.clone())),
        Update::LostRoom { room, error } => Shown::Own(Own::LostRoom { room, error }),
        Update::Presence(presence) => Shown::Wire(Event::Presence(presence.clone())),
        Update::Error(error) | Update::Refused(error) => Shown::Wire(Event::Error(error.clone())),
        Update::Reply { tag, reply } => Shown::Wire(numbered(reply.clone(), id(*tag))),
        Update::Reset { room } => Shown::Own(Own::Reset { room }),
        Update::Unanswered { tag } => Shown::Own(Own::Unanswered { id: id(*tag) }),
        _ => return None,
    })
}

/// A line of output.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Own(Own<'a>),
    Wire(Event),
}

/// What a program is told and no server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Own<'a> {
    /// The welcome, less the secret in it.
    Connected {
        protocol: u64,
        name: &'a str,
        server: &'a str,
        resumed: bool,
        limits: &'a LimitsFrame,
    },
    Disconnected {
        why: &'a str,
        retry_ms: u64,
    },
    LostRoom {
        room: &'a str,
        error: &'a Error,
    },
    Reset {
        room: &'a str,
    },
    /// The request of this number was sent once, and no reply came.
    Unanswered {
        id: u64,
    },
}

/// `reply` with the program's own number for the request.
fn numbered(mut reply: Event, id: u64) -> Event {
    reply.set_reply_to(id);
    reply
}

/// Reads a request, which needs no `id` here.
fn read_request(line: &str) -> Result<Request<'static>, Error> {
    #[derive(Deserialize)]
    struct Id {
        id: Option<u64>,
    }
    let peeked = serde_json::from_str(line);
    let id = peeked.as_ref().map_or(None, |peeked: &Id| peeked.id);
    let fields = line[1..].trim_start();
    let numbered;
    let frame = if peeked.is_ok() && id.is_none() && fields.starts_with('"') {
        numbered = format!("{{\"id\":0,{fields}");
        &numbered
    } else {
        line
    };
    let refused = |code, message: &str| Error { id, ..error(code, message) };
    let request =
        wire::read_request(frame.as_bytes()).map_err(|why| refused(Code::BadFrame, &why.to_string()))?;
    match request.body {
        RequestBody::Hello(_) => Err(refused(Code::Unsupported, "hello was said already")),
        _ => Ok(request.into_owned()),
    }
}

fn error(code: Code, message: impl Into<String>) -> Error {
    Error::of(None, code, message)
}

/// The one request that this program answers itself.
const STATS: &str = "stats";

#[cfg(test)]
mod tests;
