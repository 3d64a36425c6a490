//! What single steps of a delivery cost: `cargo bench -p chat-core --bench core`.
#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock")]

use std::{hint::black_box, time::Instant};

use bytes::Bytes;
use chat_core::{
    ClientId,
    client::{Client, Config, Update},
    transport::Promises,
    wire::{
        self, Author, Body, EntryFrame, Event, Hello, Join, Joined, LimitsFrame, MAX_FRAME, PROTOCOL, Post,
        Replayed, Request, Welcome,
    },
};
use divan::{Bencher, counter::BytesCount};

fn main() {
    divan::main();
}

#[divan::bench]
fn decode_hello(bencher: Bencher<'_, '_>) {
    let hello = Hello {
        protocol: PROTOCOL,
        name: "ana".into(),
        client: Some("q83vEjRWeJCrze8SNFZ4kA".into()),
        ..Hello::default()
    };
    decode(bencher, &Request::unnumbered(hello));
}

#[divan::bench(args = [20, 100, 1000, 8192])]
fn decode_say(bencher: Bencher<'_, '_>, length: usize) {
    let text = &TEXT.repeat(length / TEXT.len() + 1)[..length];
    decode(bencher, &Request::new(7, Post::say("lobby", text)));
}

fn decode(bencher: Bencher<'_, '_>, request: &Request<'_>) {
    let frame = wire::write(request);
    let bencher = bencher.counter(BytesCount::new(frame.len()));
    bencher.bench(|| wire::read_request(black_box(&frame)).is_ok());
}

#[divan::bench(args = [20, 100, 1000, 8192])]
fn encode_entry(bencher: Bencher<'_, '_>, length: usize) {
    let entry = entry(45, length);
    let bencher = bencher.counter(BytesCount::new(wire::write(&entry).len()));
    bencher.bench(|| wire::write(black_box(&entry)));
}

#[divan::bench(args = [20, 100, 1000, 8192])]
fn decode_entry(bencher: Bencher<'_, '_>, length: usize) {
    let frame = wire::write(&entry(45, length));
    let bencher = bencher.counter(BytesCount::new(frame.len()));
    bencher.bench(|| wire::read_event(black_box(&frame)).is_ok());
}

/// A client that is told the next hundred entries in order.
#[divan::bench]
fn client_reads_a_hundred(bencher: Bencher<'_, '_>) {
    let frames: Vec<Bytes> = (1..=100).map(|seq| wire::write(&entry(seq, 100))).collect();
    bencher.with_inputs(Reader::new).bench_values(|mut reader| {
        frames.iter().for_each(|it| reader.hear(it));
        assert_eq!(reader.shown(), 100);
    });
}

/// The same, where ten in the middle are lost: they are asked for, and come.
#[divan::bench]
fn client_repairs_a_gap_of_ten(bencher: Bencher<'_, '_>) {
    let frames: Vec<Bytes> = (1..=100).map(|seq| wire::write(&entry(seq, 100))).collect();
    bencher.with_inputs(Reader::new).bench_values(|mut reader| {
        let (before, rest) = frames.split_at(40);
        let (lost, after) = rest.split_at(10);
        before.iter().chain(after).for_each(|it| reader.hear(it));
        assert_eq!(reader.shown(), 40);
        let id = reader.asks().expect("what is missing is asked for");
        lost.iter().for_each(|it| reader.hear(it));
        reader.hear(&wire::write(&Event::Replayed(Replayed { id, room: ROOM.to_owned(), from: 41, to: 50 })));
        assert_eq!(reader.shown(), 60);
    });
}

/// A client that has entered a room over a link that may lose frames.
struct Reader {
    client: Client,
    now: Instant,
}

impl Reader {
    fn new() -> Reader {
        let config =
            Config { name: "ana".to_owned(), client: ClientId(7), password: None, seed: 1, raw: false };
        let mut reader = Reader { client: Client::new(config), now: Instant::now() };
        let promises = Promises { ordered: false, reliable: false, max_frame: MAX_FRAME };
        reader.client.link_up(promises, reader.now);
        reader.asks();
        reader.hear(&wire::write(&Event::Welcome(Welcome {
            protocol: PROTOCOL,
            name: "ana".to_owned(),
            server: "bench".to_owned(),
            resume: "q83vEjRWeJCrze8SNFZ4kA".to_owned(),
            resumed: false,
            at: None,
            limits: LimitsFrame {
                frame: 65_443,
                text: 8192,
                rooms: 64,
                pending: 64,
                ahead: Some(16),
                in_flight: Some(32),
                burst: None,
                per_minute: None,
            },
        })));
        let join = Join { room: ROOM.into(), after: Some(0), ..Join::default() };
        reader.client.ask(join, 1);
        let id = reader.asks().expect("it wants to join");
        reader.hear(&wire::write(&Event::Joined(Joined {
            id,
            room: ROOM.to_owned(),
            epoch: "e".to_owned(),
            oldest: 1,
            head: 0,
            after: 0,
            reset: false,
            topic: String::new(),
            version: 1,
            members: vec!["ana".to_owned()],
            present: 1,
            guests: Default::default(),
        })));
        reader.shown();
        reader
    }

    fn hear(&mut self, frame: &Bytes) {
        self.client.on_frame(frame, self.now).expect("it is a frame");
    }

    /// How many entries it shows.
    fn shown(&mut self) -> usize {
        std::iter::from_fn(|| self.client.poll_update()).filter(|it| matches!(it, Update::Entry(_))).count()
    }

    /// The number of the last request it makes.
    fn asks(&mut self) -> Option<u64> {
        let sent = std::iter::from_fn(|| self.client.poll_transmit(self.now));
        sent.filter_map(|it| wire::read_request(&it).ok()?.id).last()
    }
}

fn entry(seq: u64, length: usize) -> EntryFrame {
    EntryFrame {
        room: ROOM.to_owned(),
        seq,
        author: Author::person("ana"),
        to: None,
        at: 1_732_100_000_000,
        body: Body::message(&TEXT.repeat(length / TEXT.len() + 1)[..length]),
    }
}

const ROOM: &str = "lobby";
const TEXT: &str = "says what people say in a room, which is a line or so, and seldom more. ";
