//! What happened, in order: what everybody asked, was answered and was shown, and what was done to them.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    client::Update,
    wire::{EntryFrame, EntryKind, Event, RequestBody, Target},
};

use super::network::Bound;
use chat_testkit::virtual_time::VirtualTime;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When, since the beginning.
    pub at: Duration,
    /// To whom: the number of a person, or none for the world at large.
    pub who: Option<usize>,
    /// In which of their lives.
    pub life: u32,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum What {
    /// The person's program begins, at that host.
    Begins(String),
    /// It is gone without a word.
    Killed,
    /// The client says that it is over.
    Over,
    /// Something is asked under a tag.
    Asks(u64, RequestBody<'static>),
    /// The client tells something.
    Told(Update),
    /// The server begins, over the log of this number.
    ServerBegins(usize),
    /// The server was stopped in an orderly way.
    ServerStopped,
    /// The server is gone at once.
    ServerCrashed,
    /// What was on the wire at a host is cut.
    Cut(String),
    /// All faults have ended.
    Calm,
    /// A frame is sent over the link of that number.
    Sent(u64, Bound, Bytes),
}

/// Where everybody writes it down.
#[derive(Clone, Debug)]
pub struct History {
    time: VirtualTime,
    happened: Arc<Mutex<Vec<Happening>>>,
}

impl History {
    pub(super) fn new(time: &VirtualTime) -> History {
        History { time: time.clone(), happened: Arc::default() }
    }

    pub(super) fn note(&self, who: Option<usize>, life: u32, what: What) {
        let happening = Happening { at: self.time.elapsed(), who, life, what };
        self.happened.lock().unwrap_or_else(PoisonError::into_inner).push(happening);
    }

    pub(super) fn take(&self) -> Vec<Happening> {
        std::mem::take(&mut self.happened.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Everything that happened as one number: the same for the same run.
pub fn digest(history: &[Happening]) -> u64 {
    let mut hasher = DefaultHasher::new();
    history.iter().for_each(|it| format!("{it:?}").hash(&mut hasher));
    hasher.finish()
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>11.6}  ", self.at.as_secs_f64())?;
        match self.who {
            Some(who) => write!(f, "{}.{:<2} ", super::plan::name(who), self.life)?,
            None => write!(f, "{:<7}", "")?,
        }
        write!(f, "{}", self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Begins(host) => write!(f, "begins at {host}"),
            What::Killed => f.write_str("is killed"),
            What::Over => f.write_str("is over"),
            What::Asks(tag, request) => write!(f, "? {tag:<4} {}", Asked(request)),
            What::Told(update) => write!(f, "{}", Told(update)),
            What::ServerBegins(log) => write!(f, "-- the server begins, log {log}"),
            What::ServerStopped => f.write_str("-- the server is stopped"),
            What::ServerCrashed => f.write_str("-- the server crashes"),
            What::Cut(host) => write!(f, "-- the wire at {host} is cut"),
            What::Calm => f.write_str("-- all faults end"),
            What::Sent(link, bound, frame) => {
                let to = if *bound == Bound::Server { '>' } else { '<' };
                write!(f, "#{link} {to} {}", String::from_utf8_lossy(frame))
            }
        }
    }
}

struct Asked<'a>(&'a RequestBody<'static>);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RequestBody::Post(post) => match (&post.to, &post.kind) {
                (Target::Person(to), _) => write!(f, "tell {to} {:?}", brief(&post.text)),
                (Target::Room(room), EntryKind::Topic) => write!(f, "topic {room} {:?}", brief(&post.text)),
                (Target::Room(room), _) => write!(f, "say {room} {:?}", brief(&post.text)),
            },
            RequestBody::Join(it) => {
                write!(f, "join {}", it.room)?;
                it.after.map_or(Ok(()), |after| write!(f, " after {after}"))?;
                it.recent.map_or(Ok(()), |recent| write!(f, " with {recent}"))
            }
            RequestBody::Leave(it) => write!(f, "leave {}", it.room),
            RequestBody::Who(it) => write!(f, "who {}", it.room),
            other => write!(f, "{other:?}"),
        }
    }
}

struct Told<'a>(&'a Update);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Update::Connected(it) => write!(f, "connected{}", if it.resumed { ", resumed" } else { "" }),
            Update::Disconnected { why, retry_in } => {
                write!(f, "disconnected: {why}; again in {:.3}", retry_in.as_secs_f64())
            }
            Update::Joined { tag, joined } => {
                let tag = tag.map_or("-".to_owned(), |tag| tag.to_string());
                let reset = if joined.reset { ", reset" } else { "" };
                write!(
                    f,
                    "= {tag:<4} joined {} after {} (held {}..={}){reset} version {} {:?}",
                    joined.room, joined.after, joined.oldest, joined.head, joined.version, joined.members
                )
            }
            Update::Entry(it) => write!(f, "< {}", Entry(it)),
            Update::Gap(it) => write!(f, "< {} gap {}..={}", it.room, it.from, it.to),
            Update::Presence(it) => write!(
                f,
                "< {} version {}..{} in {:?} out {:?}",
                it.room, it.since, it.version, it.entered, it.left
            ),
            Update::Members(it) => write!(f, "< {} version {} {:?}", it.room, it.version, it.members),
            Update::Reply { tag, reply } => match reply {
                Event::Ack(it) => write!(f, "= {tag:<4} {} {}", it.room, it.seq),
                Event::Left(it) => write!(f, "= {tag:<4} left {}", it.room),
                Event::Error(it) => write!(f, "= {tag:<4} error {}: {}", it.code, it.message),
                Event::Members(it) => {
                    write!(f, "= {tag:<4} {} version {} {:?}", it.room, it.version, it.members)
                }
                Event::Page(it) => write!(f, "= {tag:<4} {} page of {}", it.room, it.entries.len()),
                Event::Found(it) => write!(f, "= {tag:<4} found {}", it.entries.len()),
                other => write!(f, "= {tag:<4} {other:?}"),
            },
            other => write!(f, "{other:?}"),
        }
    }
}

struct Entry<'a>(&'a EntryFrame);

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EntryFrame { room, seq, author, body, .. } = self.0;
        write!(f, "{room} {seq} {}: {:?}", author.name, brief(&body.text))
    }
}

/// The part of a text that tells it apart; the rest is there to make it long.
fn brief(text: &str) -> &str {
    text.split_once(' ').map_or(text, |(first, _)| first)
}
