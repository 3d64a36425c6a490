//! Line mode for programs: JSON requests or texts in, one JSON event a line out.

use std::borrow::Cow;

use chat_core::{
    Address,
    client::{Stats, Update},
    text,
    wire::{
        self, Code, Error, Event, Goodbye, INBOX, Join, LimitsFrame, MAX_FRAME, Post, Request, RequestBody,
    },
};
use serde::{Deserialize, Serialize};

use super::{Face, Step, input::Typed, rooms::Rooms};
use crate::{command::Measure, output::Output, stats};

/// The face for programs. A request's `id` is its tag; what has none gets 0.
#[derive(Debug, Default)]
pub(crate) struct Json {
    rooms: Rooms,
}

impl Json {
    fn understood(&mut self, line: &str) -> Result<Step, Error> {
        let (request, tag) = if line.starts_with('{') {
            let Request { id, body, .. } = read_request(line)?;
            match body {
                RequestBody::Unknown(unknown) if unknown.tag == STATS => {
                    return Ok(Step::Measure(Measure::Once));
                }
                RequestBody::Unknown(unknown) => {
                    let message = format!("no request is called {}", unknown.tag);
                    return Err(Error { id, ..error(Code::Unsupported, message) });
                }
                known => (known, id.unwrap_or_default()),
            }
        } else {
            let text = text::clean(line);
            if text.trim().is_empty() {
                return Ok(Step::Nothing);
            }
            let room =
                self.rooms.current().ok_or_else(|| error(Code::NotJoined, "in no room to say this in"))?;
            (RequestBody::from(Post::say(room.to_owned(), text)), 0)
        };
        match &request {
            RequestBody::Bye => return Ok(Step::Quit),
            // One may ask for the inbox from a number on; but nothing is said there.
            RequestBody::Join(join) if join.room != INBOX => self.rooms.enter(&join.room),
            RequestBody::Leave(leave) => self.rooms.leave(&leave.room),
            _ => {}
        }
        Ok(Step::Ask(request, tag))
    }
}

impl Face for Json {
    fn enter(&mut self, room: &str, after: Option<u64>) -> Step {
        self.rooms.enter(room);
        let join = Join { room: Cow::Owned(room.to_owned()), after, ..Join::default() };
        Step::Ask(RequestBody::Join(join), 0)
    }

    fn typed(&mut self, typed: Typed, out: &mut Output) -> anyhow::Result<Step> {
        let understood = match &typed {
            Typed::Line(line) => self.understood(line),
            Typed::NotUtf8 => Err(error(Code::BadFrame, "not UTF-8")),
            Typed::TooLong(size) => {
                Err(error(Code::TooLarge, format!("{size} bytes are over the limit of {MAX_FRAME}")))
            }
        };
        match understood {
            Ok(step) => Ok(step),
            Err(error) => {
                out.json(&Event::Error(error))?;
                Ok(Step::Nothing)
            }
        }
    }

    fn show(&mut self, update: &Update, out: &mut Output) -> anyhow::Result<()> {
        if let Update::LostRoom { room, .. } = update {
            self.rooms.leave(room);
        }
        match shown(update) {
            Some(event) => Ok(out.json(&event)?),
            None => Ok(()),
        }
    }

    fn measured(&mut self, stats: &Stats, server: &Address, out: &mut Output) -> anyhow::Result<()> {
        Ok(out.json(&stats::event(stats, server))?)
    }
}

fn shown(update: &Update) -> Option<Shown<'_>> {
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
            Shown::Wire(numbered(Event::Joined(joined.clone()), tag.unwrap_or_default()))
        }
        Update::Members(members) => Shown::Wire(Event::Members(members.clone())),
        Update::LostRoom { room, error } => Shown::Own(Own::LostRoom { room, error }),
        Update::Presence(presence) => Shown::Wire(Event::Presence(presence.clone())),
        Update::Error(error) | Update::Refused(error) => Shown::Wire(Event::Error(error.clone())),
        Update::Reply { tag, reply } => Shown::Wire(numbered(reply.clone(), *tag)),
        Update::Reset { room } => Shown::Own(Own::Reset { room }),
        Update::Unanswered { tag } => Shown::Own(Own::Unanswered { id: *tag }),
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

/// `reply` with the number the user gave to what it is the reply to.
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
    let id = peeked.as_ref().map_or(None, |it: &Id| it.id);
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
    Error { id: None, code, message: message.into(), retry_after_ms: None }
}

/// The one request that this program answers itself.
const STATS: &str = "stats";

#[cfg(test)]
mod tests;
