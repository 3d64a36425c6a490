//! The client alone on a link that may lose frames: what it says again, asks for and shows, to the millisecond.

mod counters;
mod entries;
mod hello_and_bye;
mod keepalive;
mod later_entries;
mod message_order;
mod presence;
mod requests;
mod without_repair;

use std::time::{Duration, Instant};

use chat_core::{
    ClientId,
    client::{Client, Config, Update},
    transport::Promises,
    wire::{MAX_FRAME, Request, RequestBody, read_request},
};

use crate::protocol::{SECOND, say};

/// A client whose every frame is looked at, and what it hears.
struct Rig {
    client: Client,
    now: Instant,
}

impl Rig {
    /// A client without a link.
    fn new(seed: u64, raw: bool) -> Rig {
        let config = Config { name: "ana".to_owned(), client: ClientId(7), password: None, seed, raw };
        Rig { client: Client::new(config), now: Instant::now() }
    }

    /// A client whose hello was answered at once, and its first request after that time.
    fn open(seed: u64, round_trip: Duration) -> Rig {
        let mut rig = Rig::new(seed, false);
        rig.link_up(Duration::ZERO, false);
        rig.measure(round_trip);
        rig.updates();
        rig
    }

    /// Asks for something, which is answered after that time.
    fn measure(&mut self, round_trip: Duration) {
        self.client.ask(rooms(), 0);
        let id = self.sent()[0].id.unwrap();
        self.now += round_trip;
        self.hear(&format!(r#"{{"type":"rooms","id":{id},"rooms":[],"total":0}}"#));
    }

    /// A client that is in the lobby, which holds numbers up to `head`, and has read nothing; at once.
    fn in_the_lobby(head: u64) -> Rig {
        let mut rig = Rig::open(1, Duration::ZERO);
        rig.enter(head);
        rig
    }

    fn enter(&mut self, head: u64) {
        self.client.ask(join("lobby"), 0);
        let Some(Request { id: Some(id), body: RequestBody::Join(_), .. }) = self.sent().pop() else {
            panic!("a join is asked for at once")
        };
        self.hear(&joined(id, 0, head));
        self.updates();
    }

    /// Gives the client a link that promises nothing, and a welcome after `round_trip`.
    fn link_up(&mut self, round_trip: Duration, resumed: bool) {
        self.dial();
        self.client.poll_transmit(self.now).expect("hello comes first");
        self.now += round_trip;
        self.hear(&welcome(resumed));
    }

    fn dial(&mut self) {
        let promises = Promises { ordered: false, reliable: false, max_frame: MAX_FRAME };
        self.client.link_up(promises, self.now);
    }

    fn hear(&mut self, frame: &str) {
        self.client.on_frame(frame.as_bytes(), self.now).expect("the link goes on");
    }

    fn entry(&mut self, seq: u64) {
        self.hear(&entry("lobby", seq));
    }

    fn entries(&mut self, numbers: impl IntoIterator<Item = u64>) {
        numbers.into_iter().for_each(|seq| self.entry(seq));
    }

    /// Everything the client wants to send now.
    fn frames(&mut self) -> Vec<String> {
        let text = |it: bytes::Bytes| String::from_utf8(it.to_vec()).unwrap();
        std::iter::from_fn(|| self.client.poll_transmit(self.now)).map(text).collect()
    }

    fn sent(&mut self) -> Vec<Request<'static>> {
        self.frames().iter().map(|it| request(it)).collect()
    }

    /// The first and last numbers of the pages of the lobby that are asked for now, and nothing else is.
    fn replays(&mut self) -> Vec<(u64, u64)> {
        self.pages().into_iter().map(|(_, from, to)| (from, to)).collect()
    }

    /// The same with their ids.
    fn pages(&mut self) -> Vec<(u64, u64, u64)> {
        let page = |it| match it {
            Request { id: Some(id), body: RequestBody::Replay(it), .. } if it.room == "lobby" => {
                (id, it.from, it.to)
            }
            other => panic!("only pages are asked for: {other:?}"),
        };
        self.sent().into_iter().map(page).collect()
    }

    /// Lets time pass as a driver does: what is sent, and when after now.
    fn watch(&mut self, time: Duration) -> Vec<(Duration, String)> {
        self.listen(time).unwrap_or_else(|(at, why)| panic!("after {at:?}: {why}"))
    }

    /// The same, where the link may be given up: then says when and why.
    fn listen(&mut self, time: Duration) -> Result<Vec<(Duration, String)>, (Duration, String)> {
        let (began, mut sent) = (self.now, Vec::new());
        loop {
            self.client.on_timeout(self.now).map_err(|why| (self.now - began, why))?;
            let at = self.now - began;
            sent.extend(self.frames().into_iter().map(|it| (at, it)));
            let next = self.client.poll_timeout(self.now).unwrap_or(began + time).min(began + time);
            if next <= self.now {
                return Ok(sent);
            }
            self.now = next;
        }
    }

    fn updates(&mut self) -> Vec<Update> {
        std::iter::from_fn(|| self.client.poll_update()).collect()
    }

    /// What is shown of rooms: numbers of entries, and gaps.
    fn shown(&mut self) -> Vec<Shown> {
        let shown = |it| match it {
            Update::Entry(entry) => Some(Shown::Entry(entry.seq)),
            Update::Gap(gap) => Some(Shown::Gap(gap.from, gap.to)),
            _ => None,
        };
        self.updates().into_iter().filter_map(shown).collect()
    }

    fn numbers(&mut self) -> Vec<u64> {
        let number = |it| if let Shown::Entry(seq) = it { Some(seq) } else { None };
        self.shown().into_iter().filter_map(number).collect()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    Entry(u64),
    Gap(u64, u64),
}

fn request(frame: &str) -> Request<'static> {
    read_request(Box::leak(frame.to_owned().into_boxed_str()).as_bytes()).unwrap()
}

fn join(room: &str) -> RequestBody<'static> {
    let room = room.to_owned().into();
    chat_core::wire::Join { room, after: Some(0), ..Default::default() }.into()
}

fn rooms() -> RequestBody<'static> {
    RequestBody::Rooms(Default::default())
}

fn welcome(resumed: bool) -> String {
    format!(
        r#"{{"type":"welcome","protocol":1,"name":"ana","server":"x","resume":"q83vEjRWeJCrze8SNFZ4kA","resumed":{resumed},"limits":{{"frame":65443,"text":8192,"rooms":9,"pending":64}}}}"#
    )
}

/// The same with a limit for the messages that are ahead of their turn.
fn welcome_with(ahead: u64) -> String {
    welcome(false).replace(r#""pending":64"#, &format!(r#""pending":64,"ahead":{ahead}"#))
}

fn joined(id: u64, after: u64, head: u64) -> String {
    format!(
        r#"{{"type":"joined","id":{id},"room":"lobby","epoch":"e","oldest":1,"head":{head},"after":{after},"topic":"","version":4,"members":["ana"],"present":1}}"#
    )
}

fn entry(room: &str, seq: u64) -> String {
    format!(r#"{{"type":"message","room":"{room}","seq":{seq},"from":"bob","at":1,"text":"{seq}"}}"#)
}

fn gap(from: u64, to: u64) -> String {
    format!(r#"{{"type":"gap","room":"lobby","from":{from},"to":{to}}}"#)
}

fn replayed(id: u64, from: u64, to: u64) -> String {
    format!(r#"{{"type":"replayed","id":{id},"room":"lobby","from":{from},"to":{to}}}"#)
}

fn ack(id: u64) -> String {
    format!(r#"{{"type":"ack","id":{id},"room":"lobby","seq":1,"at":1}}"#)
}

fn pong(id: u64) -> String {
    format!(r#"{{"type":"pong","id":{id}}}"#)
}

fn heads(room: &str, epoch: &str, head: u64, presence: u64) -> String {
    format!(
        r#"{{"type":"heads","rooms":{{"{room}":{{"epoch":"{epoch}","oldest":1,"head":{head},"presence":{presence}}}}}}}"#
    )
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
