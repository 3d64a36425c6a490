//! A client whose server says anything at any time.
//!
//! The first line says what the link promises (`r`: both, `o`: only order, `n`: only delivery, `u`: neither, or `w`: neither,
//! and the client reads without repair). Every other line is a step: a frame that begins with `{`, or one of the letters
//! of [`Rig::step`].

#[path = "client/frames.rs"] // said in full, as the fuzzer includes this file by its path
mod frames;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use chat_core::{
    ClientId, RoomName,
    client::{Client, Config, Update},
    transport::Promises,
    wire::{History, Join, Leave, MAX_FRAME, Post, Replay, RequestBody, Who, read_request},
};

use super::input::{Line, steps};
use frames::{later_entry, room, welcome};

/// Runs a script against a client.
pub fn run(script: &[u8]) {
    let mut steps = steps(script);
    let mode = steps.next().map_or(b'r', |mut it| it.letter());
    let mut rig = Rig::new(mode);
    for line in steps {
        rig.step(line);
        rig.look();
        if rig.client.is_over() {
            break;
        }
    }
    rig.time_passes(Duration::from_secs(40));
    rig.is_bounded();
}

struct Rig {
    client: Client,
    promises: Promises,
    raw: bool,
    now: Instant,
    began: Instant,
    /// When to dial again, while there is no link.
    dial_at: Option<Instant>,
    /// The newest ids that were sent, and what kind of request each was.
    sent: VecDeque<(u64, Asked)>,
    /// Of each room that was joined, the number that comes next.
    next: BTreeMap<RoomName, Option<u64>>,
    rooms: BTreeSet<RoomName>,
    asked: usize,
    /// How many frames may be owed to what was heard.
    owed: usize,
    frames: usize,
    links: usize,
}

/// What was asked for: the room, if it is about one, and whether it is a join.
type Asked = (Option<String>, bool);

impl Rig {
    fn new(mode: u8) -> Rig {
        let (ordered, reliable) = match mode {
            b'o' => (true, false),
            b'n' => (false, true),
            b'u' | b'w' => (false, false),
            _ => (true, true),
        };
        let raw = mode == b'w';
        let client = ClientId(7);
        let config = Config { name: "ana".to_owned(), client, password: None, seed: 1, raw };
        let now = Instant::now();
        let mut rig = Rig {
            client: Client::new(config),
            promises: Promises { ordered, reliable, max_frame: MAX_FRAME },
            raw,
            now,
            began: now,
            dial_at: Some(now),
            sent: VecDeque::new(),
            next: BTreeMap::new(),
            rooms: BTreeSet::from([RoomName::inbox()]),
            asked: 0,
            owed: 0,
            frames: 0,
            links: 0,
        };
        rig.look();
        rig
    }

    /// One step. Events are those of the protocol, with any numbers: `W`elcome, `J`oined, `m`essage, an entry of a
    /// `k`ind that comes later, `g`ap, `h`eads, `R`eplayed, `p`age, `M`embers, `P`resence, `A`ck, `L`eft, `O`ther replies, `E`rror, `B` goodbye. The user `a`sks, `t`ime
    /// passes (`.`: until something is due), and the link is `x` lost. `f` is a flood of refusals.
    fn step(&mut self, mut line: Line<'_>) {
        if line.0.first() == Some(&b'{') {
            self.owed += 4;
            return self.hear(line.0);
        }
        let kind = line.letter();
        let frame = match kind {
            b'f' => return self.pump(line),
            b'a' => return self.ask(line),
            b't' => return self.time_passes(Duration::from_millis(line.number().min(50_000))),
            b'.' => {
                let due =
                    if self.dial_at.is_some() { self.dial_at } else { self.client.poll_timeout(self.now) };
                let wait = due.map_or(Duration::ZERO, |at| at.saturating_duration_since(self.now));
                return self.time_passes(wait.min(Duration::from_secs(50)));
            }
            b'x' => return self.lose("lost"),
            b'W' => welcome(&mut line),
            b'J' => {
                let (id, room) = self.some_request(&mut line);
                let (after, head, epoch) = (line.number(), line.number(), line.below(3));
                let (reset, version) = (line.below(2) == 1, line.number());
                format!(
                    r#"{{"type":"joined","id":{id},"room":"{room}","epoch":"e{epoch}","oldest":1,"head":{head},"after":{after},"reset":{reset},"topic":"","version":{version},"members":[],"present":0}}"#
                )
            }
            b'm' => format!(
                r#"{{"type":"message","room":"{}","seq":{},"from":"bob","at":1,"text":"hi"}}"#,
                room(&mut line),
                line.number()
            ),
            b'k' => later_entry(&mut line),
            b'p' => {
                let (id, room) = self.some_request(&mut line);
                let entries: Vec<String> = (0..line.below(4)).map(|_| later_entry(&mut line)).collect();
                let entries = entries.join(",");
                match line.below(2) {
                    0 => format!(r#"{{"type":"page","id":{id},"room":"{room}","entries":[{entries}]}}"#),
                    _ => format!(r#"{{"type":"found","id":{id},"entries":[{entries}]}}"#),
                }
            }
            b'g' => format!(
                r#"{{"type":"gap","room":"{}","from":{},"to":{}}}"#,
                room(&mut line),
                line.number(),
                line.number()
            ),
            b'h' => {
                let heads = (0..=line.below(3)).map(|_| {
                    let (room, epoch, head, presence) =
                        (room(&mut line), line.below(3), line.number(), line.number());
                    format!(
                        r#""{room}":{{"epoch":"e{epoch}","oldest":1,"head":{head},"presence":{presence}}}"#
                    )
                });
                format!(r#"{{"type":"heads","rooms":{{{}}}}}"#, heads.collect::<Vec<_>>().join(","))
            }
            b'R' => {
                let (id, room) = self.some_request(&mut line);
                format!(r#"{{"type":"replayed","id":{id},"room":"{room}","from":1,"to":{}}}"#, line.number())
            }
            b'M' => {
                let (id, room) = self.some_request(&mut line);
                let version = line.number();
                format!(
                    r#"{{"type":"members","id":{id},"room":"{room}","version":{version},"members":["bob"],"present":1}}"#
                )
            }
            b'P' => format!(
                r#"{{"type":"presence","room":"{}","since":{},"version":{},"entered":["bob"],"left":[]}}"#,
                room(&mut line),
                line.number(),
                line.number()
            ),
            b'A' => {
                let (id, room) = self.some_request(&mut line);
                format!(r#"{{"type":"ack","id":{id},"room":"{room}","seq":{},"at":1}}"#, line.number())
            }
            b'L' => {
                let (id, room) = self.some_request(&mut line);
                format!(r#"{{"type":"left","id":{id},"room":"{room}"}}"#)
            }
            b'O' => format!(r#"{{"type":"pong","id":{}}}"#, self.some_request(&mut line).0),
            b'E' => {
                let id = match line.below(4) {
                    0 => String::new(),
                    _ => format!(r#""id":{},"#, self.some_request(&mut line).0),
                };
                let wait = line.maybe().map(|it| format!(r#","retry_after_ms":{it}"#)).unwrap_or_default();
                format!(r#"{{"type":"error",{id}"code":"busy","message":"m"{wait}}}"#)
            }
            b'B' => {
                let reason = ["shutdown", "silent", "replaced", "bye", "tired"][line.below(5)];
                let wait = line.maybe().map(|it| format!(r#","retry_after_ms":{it}"#)).unwrap_or_default();
                format!(r#"{{"type":"goodbye","reason":"{reason}"{wait}}}"#)
            }
            _ => return,
        };
        // What was refused, or did not come, is asked for again in its time and no sooner.
        self.owed += if matches!(kind, b'E' | b'R') { 0 } else { 4 };
        self.hear(frame.as_bytes());
    }

    /// Refuses, or answers without a word, whatever is asked, at once and again and again.
    fn pump(&mut self, mut line: Line<'_>) {
        let (refuses, before) = (line.below(2) == 1, self.frames);
        for _ in 0..300 {
            let Some((id, (room, _))) = self.sent.back().cloned() else { return };
            let room = room.unwrap_or_default();
            self.hear(
                match refuses {
                    true => format!(
                        r#"{{"type":"error","id":{id},"code":"busy","message":"","retry_after_ms":0}}"#
                    ),
                    false => format!(r#"{{"type":"replayed","id":{id},"room":"{room}","from":1,"to":0}}"#),
                }
                .as_bytes(),
            );
            self.look();
        }
        // Each answer, whatever it says, makes room for a request that had to wait.
        assert!(
            self.frames - before <= AT_ONCE + self.asked,
            "it asks for the same as often as it is refused"
        );
    }

    /// One of the newest requests: its id, and the room it is about unless the line names another.
    fn some_request(&self, line: &mut Line<'_>) -> (u64, String) {
        let back = line.below(62);
        let (id, (about, _)) =
            self.sent.iter().rev().nth(back).cloned().unwrap_or((back as u64, (None, false)));
        let other = room(line);
        (id, if other == "-" { about.unwrap_or(other) } else { other })
    }

    fn ask(&mut self, mut line: Line<'_>) {
        let (kind, room) = (line.letter(), room(&mut line));
        if kind != b'B' && self.asked >= MOST_ASKED {
            return;
        }
        let room = room.into();
        let request = match kind {
            b'j' => {
                let (after, recent) = (line.maybe(), line.maybe());
                RequestBody::from(Join { room, after, recent, epoch: None, hashes: false })
            }
            b'l' => RequestBody::from(Leave { room }),
            b's' => RequestBody::from(Post::say(room, line.text())),
            b'S' => RequestBody::from(Post::say(room, "x".repeat(65_400))),
            b'e' => RequestBody::from(Post::tell("bob", line.text())),
            b'o' => RequestBody::from(Post::topic(room, line.text())),
            b'w' => RequestBody::from(Who { room }),
            b'r' => RequestBody::Rooms(Default::default()),
            b'h' => {
                RequestBody::from(History { room, before: line.maybe(), limit: line.maybe(), hashes: false })
            }
            b'p' => RequestBody::from(Replay { room, from: line.number(), to: line.number() }),
            b'P' => RequestBody::Ping,
            b'B' => RequestBody::Bye,
            _ => return,
        };
        if let RequestBody::Join(join) = &request
            && let Ok(room) = RoomName::from_wire(&join.room)
        {
            self.rooms.insert(room);
        }
        self.asked += 1;
        self.client.ask(request, self.asked as u64);
    }

    fn hear(&mut self, frame: &[u8]) {
        if self.dial_at.is_some() {
            return;
        }
        if let Err(why) = self.client.on_frame(frame, self.now) {
            self.lose(&why);
        }
    }

    fn lose(&mut self, why: &str) {
        if self.dial_at.is_none() {
            self.dial_at = self.client.link_lost(why, self.now);
            assert!(self.dial_at.is_some_and(|at| at > self.now) || self.client.is_over());
        }
    }

    /// Time passes, and whatever is due meanwhile is done when it is.
    fn time_passes(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..MOST_TIMEOUTS {
            let due = if self.dial_at.is_some() { self.dial_at } else { self.client.poll_timeout(self.now) };
            let Some(at) = due.filter(|at| *at <= until) else {
                self.now = until;
                return;
            };
            self.now = at;
            self.look();
        }
        panic!("it is never at rest");
    }

    /// Does what a driver does, and sees that there is an end to it.
    fn look(&mut self) {
        if self.client.is_over() {
            return;
        }
        if self.dial_at.is_some_and(|at| at <= self.now) {
            self.dial_at = None;
            self.links += 1;
            self.client.link_up(self.promises, self.now);
        } else if self.dial_at.is_none()
            && let Err(why) = self.client.on_timeout(self.now)
        {
            self.lose(&why);
        }
        let before = self.frames;
        while let Some(frame) = self.client.poll_transmit(self.now) {
            assert!(self.dial_at.is_none(), "without a link nothing is sent");
            self.frames += 1;
            self.note(&frame);
            assert!(self.frames - before <= AT_ONCE, "there is no end to what it sends");
        }
        while let Some(update) = self.client.poll_update() {
            self.take(update);
        }
        let due = self.client.poll_timeout(self.now);
        assert!(due.is_none_or(|at| at > self.now), "it wants to be asked again at once");
        self.is_bounded();
    }

    fn note(&mut self, frame: &[u8]) {
        assert!(frame.len() <= MAX_FRAME, "protocol 1.10: {} bytes", frame.len());
        let request = read_request(frame).expect("a client sends requests");
        let Some(id) = request.id else { return };
        let room = match &request.body {
            RequestBody::Join(it) => Some(it.room.to_string()),
            RequestBody::Replay(it) => Some(it.room.to_string()),
            RequestBody::Who(it) => Some(it.room.to_string()),
            RequestBody::Leave(it) => Some(it.room.to_string()),
            _ => None,
        };
        self.sent.push_back((id, (room, matches!(request.body, RequestBody::Join(_)))));
        if self.sent.len() > 64 {
            self.sent.pop_front();
        }
    }

    /// Entries of a room are shown in order and each once.
    fn take(&mut self, update: Update) {
        let named = |room: &str| RoomName::from_wire(room).expect("only rooms that can be are shown");
        match update {
            Update::Connected(it) if !it.resumed => drop(self.next.insert(RoomName::inbox(), Some(1))),
            Update::Joined { joined, .. } => {
                let room = named(&joined.room);
                assert!(self.rooms.contains(&room), "{} was never asked for", joined.room);
                self.next.insert(room, Some(joined.after + 1));
            }
            Update::Reset { room } => drop(self.next.insert(named(&room), None)),
            Update::Entry(entry) if !self.raw => {
                let next = self.next.get_mut(&named(&entry.room)).expect("it was joined");
                assert_eq!(*next, Some(entry.seq), "each entry once and in order: {entry:?}");
                *next = Some(entry.seq + 1);
            }
            Update::Gap(gap) if !self.raw => {
                let next = self.next.get_mut(&named(&gap.room)).expect("it was joined");
                assert!(next.is_some_and(|it| gap.from <= it && it <= gap.to), "{next:?} {gap:?}");
                *next = Some(gap.to + 1);
            }
            _ => {}
        }
    }

    /// What it keeps, and what it sends, has to do with what was asked and heard, and with the time.
    fn is_bounded(&self) {
        let rooms = self.rooms.len();
        let seconds = (self.now - self.began).as_secs() as usize + 1; // the one that has begun
        let unanswered = self.client.unanswered();
        assert!(
            unanswered <= self.asked + 3 * rooms + seconds / 15 + 2,
            "{unanswered} requests wait, {} were asked for in {rooms} rooms",
            self.asked
        );
        let most = AT_ONCE * (1 + self.links) + self.asked + self.owed + A_SECOND * seconds;
        assert!(self.frames <= most, "{} frames in {seconds} s, at most {most}", self.frames);
    }
}

/// Requests of the user; more would not fit the window of the driver either.
const MOST_ASKED: usize = 100;
/// Frames that are sent without time passing or anything being heard.
const AT_ONCE: usize = 80;
/// Frames a second that need nothing to be heard.
const A_SECOND: usize = 400;
/// Times at which something is due, while nothing is heard.
const MOST_TIMEOUTS: usize = 20_000;
