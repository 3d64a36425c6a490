//! A server whose clients say anything at any time, over links that promise everything and over ones that do not.
//!
//! Every line is a step: the number of a link (0 or 1), and then a frame that begins with `{` or one of the letters of
//! [`Hall::step`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    RoomName,
    log::{MemoryLog, PageLimit, RoomLog},
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{BoxLink, Transport, Transports},
    wire::{
        EntryFrame, Event, Hello, History, Join, Leave, Post, Replay, Request, RequestBody, Search, Welcome,
        Who, read_event, read_request, write,
    },
};
use chat_testkit::{
    RawClient, hello,
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::{FutureExt, SinkExt, StreamExt};

use super::input::{Line, steps};

/// Runs a script against two servers.
pub fn run(script: &[u8]) {
    for reliable in [true, false] {
        let time = VirtualTime::new(script.len() as u64);
        time.run(async {
            let mut hall = Hall::open(&time, reliable).await;
            for line in steps(script) {
                hall.step(line).await;
            }
            hall.close().await;
        });
    }
}

struct Hall {
    time: VirtualTime,
    memory: Memory,
    server: Server,
    log: Arc<MemoryLog>,
    reliable: bool,
    links: [Option<Side>; 2],
    /// How often each id was asked with, on whatever link, less how often it was answered.
    owed: BTreeMap<u64, i64>,
    secrets: Vec<String>,
    /// What was said in each room under each number; inboxes are those of a session.
    said: BTreeMap<(String, u64), EntryFrame>,
    acknowledged: BTreeSet<(String, u64)>,
}

/// The client's end of a link.
struct Side {
    link: BoxLink,
    welcome: Option<Welcome>,
    /// Of each room, the number that comes next.
    next: BTreeMap<String, u64>,
    /// Whether entries come in order: on a link that promises it, until some are asked for again.
    in_order: bool,
}

impl Hall {
    async fn open(time: &VirtualTime, reliable: bool) -> Hall {
        let memory = Memory::default();
        let limits = Limits { links_per_host: 8, rooms: 8, rooms_per_session: 3, ..Limits::default() };
        let config = Config { limits, password: None, software: "hall".to_owned(), signer: None };
        let log = Arc::new(MemoryLog::new(1 << 15, 7)); // so small that old entries have to go
        let server = Server::start(config, log.clone(), time.shared()).await.expect("it starts");
        // Loss by name alone: what is promised counts, and what happens is up to the script.
        let weather = Weather { loss: u8::from(!reliable), ..Weather::default() };
        let weak = WeatherTransport::new(Arc::new(memory.clone()), weather, 0, time.shared());
        let transports = Transports::new().with("memory", weak);
        server.listen(&transports, &HALL.parse().expect("an address")).await.expect("it listens");
        let mut hall = Hall {
            time: time.clone(),
            memory,
            server,
            log,
            reliable,
            links: [None, None],
            owed: BTreeMap::new(),
            secrets: vec!["AAAAAAAAAAAAAAAAAAAAAA".to_owned()],
            said: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
        };
        hall.dial(0).await;
        hall.dial(1).await;
        hall
    }

    async fn dial(&mut self, number: usize) {
        let link = self.memory.dial(&HALL.parse().expect("an address")).await.expect("it is there");
        let in_order = self.reliable;
        self.links[number] = Some(Side { link, welcome: None, next: BTreeMap::new(), in_order });
    }

    /// One step of a link: a request (`h`ello, `j`oin, `l`eave, `s`ay, t`e`ll, t`o`pic, `w`ho, `R`ooms, `H`istory,
    /// re`p`lay, `S`earch, `P`ing, `b`ye), a `f`lood of pings, `t`ime that passes, a `d`ropped link and a new one, or `r`eading what came.
    async fn step(&mut self, mut line: Line<'_>) {
        let number = line.below(2);
        if line.0.first() == Some(&b'{') {
            self.put(number, &Bytes::copy_from_slice(line.0));
            return self.time.settle().await;
        }
        let kind = line.letter();
        match kind {
            b't' => return self.time.pass(Duration::from_millis(line.number().min(50_000))).await,
            b'r' => return self.read(number).await,
            b'f' => {
                for id in 0..line.number().min(1000) {
                    self.put(number, &write(&Request::new(id, RequestBody::Ping)));
                    if id % 32 == 31 {
                        self.time.settle().await;
                    }
                }
                return self.time.settle().await;
            }
            b'd' => {
                self.read(number).await;
                self.links[number] = None;
                self.time.settle().await;
                return self.dial(number).await;
            }
            _ => {}
        }
        if let Some(request) = self.request(kind, &mut line) {
            self.put(number, &write(&request));
            self.time.settle().await;
        }
    }

    fn request(&self, kind: u8, line: &mut Line<'_>) -> Option<Request<'static>> {
        if kind == b'h' {
            let name = ["ana", "bob", "Ana", "a.", "аna"][line.below(5)];
            let Hello { client, .. } = hello("x", line.number());
            let resume = line.maybe().map(|it| self.secrets[it as usize % self.secrets.len()].clone().into());
            return Some(Request::unnumbered(Hello { client, resume, ..hello(name, 0) }));
        }
        if kind == b'b' {
            return Some(Request::unnumbered(RequestBody::Bye));
        }
        let id = line.number();
        if kind == b'R' {
            return Some(Request::new(id, RequestBody::Rooms(Default::default())));
        }
        if kind == b'P' {
            return Some(Request::new(id, RequestBody::Ping));
        }
        let room = ["lobby", "@", "kitchen", "Lobby", "a", "b", "c", "-"][line.below(8)].into();
        Some(match kind {
            b'j' => {
                let (after, recent) = (line.maybe(), line.maybe());
                let epoch = line.maybe().map(|it| it.to_string().into());
                Request::new(id, Join { room, after, recent, epoch, hashes: after.is_some() })
            }
            b'l' => Request::new(id, Leave { room }),
            b's' | b'i' => {
                Request::new(id, Post::say(room, text(line)).by_bot(kind == b'i')).in_order(line.maybe())
            }
            b'o' => Request::new(id, Post::topic(room, text(line))).in_order(line.maybe()),
            b'e' | b'E' => {
                let to = if room == "a" { "ana" } else { "bob" };
                Request::new(id, Post::tell(to, text(line)).by_bot(kind == b'E')).in_order(line.maybe())
            }
            b'w' => Request::new(id, Who { room }),
            b'H' => {
                Request::new(id, History { room, before: line.maybe(), limit: line.maybe(), hashes: true })
            }
            b'S' => {
                let (since, before, limit) = (line.maybe(), line.maybe(), line.maybe());
                let words = text(line);
                Request::new(
                    id,
                    Search { words, room: Some(room), from: None, since, before, limit, hashes: true },
                )
            }
            b'p' => Request::new(id, Replay { room, from: line.number(), to: line.number() }),
            _ => return None,
        })
    }

    /// Sends a frame if the server takes it; that it does not is how it holds back who does not read.
    fn put(&mut self, number: usize, frame: &Bytes) {
        let Some(side) = &mut self.links[number] else { return };
        let request = read_request(frame).ok();
        let id = request.as_ref().and_then(|request| request.id);
        if !matches!(side.link.send(frame.clone()).now_or_never(), Some(Ok(()))) {
            return;
        }
        if matches!(request, Some(Request { body: RequestBody::Replay(_), .. })) {
            side.in_order = false;
        }
        if let Some(id) = id {
            *self.owed.entry(id).or_default() += 1;
        }
    }

    /// Reads all that came. However long nobody did, there is only so much.
    async fn read(&mut self, number: usize) {
        self.time.settle().await;
        let mut replies = 0;
        while let Some(side) = &mut self.links[number] {
            let Some(Some(Ok(frame))) = side.link.next().now_or_never() else { break };
            replies += usize::from(self.hear(number, &frame));
            assert!(replies <= MOST_WAITING, "there is no end to what waits for who does not read");
            self.time.settle().await;
        }
    }

    /// Takes a frame; true if it is a reply.
    fn hear(&mut self, number: usize, frame: &[u8]) -> bool {
        let event = read_event(frame).expect("a server says what the protocol says");
        let Some(side) = &mut self.links[number] else { return false };
        let reply = event.reply_to();
        if let Some(id) = reply {
            let owed = self.owed.entry(id).or_default();
            *owed -= 1;
            assert!(*owed >= 0, "nobody asked for {event:?}, or it is answered twice");
        }
        match event {
            Event::Welcome(welcome) => {
                self.secrets.push(welcome.resume.clone());
                if let Some(before) = side.welcome.replace(welcome.clone()) {
                    assert_eq!(before, welcome, "the same welcome once more");
                } else if !welcome.resumed {
                    side.next.insert("@".to_owned(), 1);
                }
            }
            Event::Goodbye(_) | Event::Error(_) => {}
            _ if side.welcome.is_none() => panic!("before its welcome the server says {event:?}"),
            Event::Joined(it) => drop(side.next.insert(it.room.to_lowercase(), it.after + 1)),
            // On other links this may be the reply to an old leave that came again (17.3).
            Event::Left(it) if self.reliable => drop(side.next.remove(&it.room.to_lowercase())),
            Event::Gap(it) => {
                assert!(it.from <= it.to, "{it:?}");
                let next = side.next.entry(it.room.to_lowercase()).or_insert(1);
                *next = (*next).max(it.to + 1);
            }
            Event::Entry(entry) => {
                let room = entry.room.to_lowercase();
                assert!(!side.in_order || side.next.contains_key(&room), "{room} was not joined");
                let next = side.next.entry(room).or_insert(1);
                assert!(!side.in_order || entry.seq <= *next, "{entry:?} comes before {next}");
                *next = (*next).max(entry.seq + 1);
                self.keep(number, entry);
            }
            Event::Page(page) => {
                assert!(page.entries.windows(2).all(|it| it[0].seq + 1 == it[1].seq), "{page:?}");
                page.entries.into_iter().for_each(|it| self.keep(number, it));
            }
            Event::Found(found) => found.entries.into_iter().for_each(|it| self.keep(number, it)),
            Event::Ack(ack) => drop(self.acknowledged.insert((self.key(number, &ack.room), ack.seq))),
            Event::Presence(it) => assert!(it.since < it.version, "{it:?}"),
            _ => {}
        }
        reply.is_some()
    }

    /// A number stands for one entry, for whoever reads it and whenever.
    fn keep(&mut self, number: usize, entry: EntryFrame) {
        let key = (self.key(number, &entry.room), entry.seq);
        let before = self.said.entry(key).or_insert_with(|| entry.clone());
        assert_eq!(*before, entry);
    }

    /// What a room is called among all there are: every session has an inbox of its own.
    fn key(&self, number: usize, room: &str) -> String {
        match &self.links[number] {
            Some(Side { welcome: Some(welcome), .. }) if room == "@" => format!("@{}", welcome.resume),
            _ => room.to_lowercase(),
        }
    }

    /// Everybody leaves; the logs are whole, and there is still a server.
    async fn close(mut self) {
        for number in [0, 1] {
            self.read(number).await;
        }
        self.links = [None, None];
        self.time.pass(Duration::from_secs(60)).await;
        assert_eq!(self.server.sessions(), 0, "nobody is there any more");
        self.logs_are_whole().await;

        let link = self.memory.dial(&HALL.parse().expect("an address")).await.expect("it is there");
        let mut cleo = RawClient::new(link, self.memory.promises(), self.time.shared());
        cleo.hello(&hello("cleo", 9999)).await;
        cleo.join("lobby", Some(0)).await;
        let ack = cleo.say("lobby", "is anybody there?").await;
        let entry = |event: &Event| matches!(event, Event::Entry(it) if it.seq == ack.seq).then_some(());
        cleo.expect("entry", entry).await;
        drop(cleo);
        self.server.stop().await;
        self.time.settle().await; // tasks that have not ended would keep their world
    }

    async fn logs_are_whole(&self) {
        let mut held = 0;
        for state in self.log.rooms().await.expect("it can be read") {
            let limit = PageLimit { entries: 100_000, bytes: 1 << 30 };
            let room: &RoomName = &state.room;
            let page = self.log.read(room, 0, limit).await.expect("it can be read");
            let numbers = page.entries.iter().map(|it| it.seq);
            assert!(numbers.eq(state.oldest..=state.head), "{room} has holes");
            assert!(page.entries.is_sorted_by_key(|it| it.at), "in {room} time runs backwards");
            let name = room.to_string().to_lowercase();
            for entry in page.entries {
                let seen = self.said.get(&(name.clone(), entry.seq));
                assert!(
                    seen.is_none_or(
                        |it| (&it.body.text, &it.author.name) == (&entry.body.text, &entry.author.name)
                    ),
                    "{seen:?}"
                );
                held += 1;
            }
            let acknowledged = self.acknowledged.range((name.clone(), 0)..=(name.clone(), u64::MAX));
            assert!(acknowledged.last().is_none_or(|(_, seq)| *seq <= state.head), "{room} lost an entry");
            let seen = self.said.range((name.clone(), 0)..=(name.clone(), u64::MAX)).next_back();
            assert!(seen.is_none_or(|((_, seq), _)| *seq <= state.head), "{room} never had {seen:?}");
        }
        assert!(held <= 100_000);
    }
}

fn text(line: &mut Line<'_>) -> std::borrow::Cow<'static, str> {
    let repeat = line.number().min(9000) as usize;
    let word = line.text();
    if word.is_empty() { "x".repeat(repeat).into() } else { word.into() }
}

const HALL: &str = "memory://hall";

/// Pipes hold 64 frames each, and there are two each way; the server owes as many.
const MOST_WAITING: usize = 400;
