//! Fifty people in ten rooms, half of them over a bad network, read the same everywhere.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use chat_core::{Address, client::Update, wire::EntryFrame};
use futures::{
    StreamExt,
    executor::block_on,
    future::{Either, join, join_all, select},
};

use super::harness::{Fate, Heard, Person, Process, Server, UdpProxy, entry, join as enter, say};
use crate::runtime::{in_time_of, runtime};

/// protocol 5.8, protocol 5.9, protocol 6.1, protocol 17.1, protocol 17.4; five people in each room, of whom two
/// or three are on TCP and the others on UDP over a network that loses a fifth. Every message is read by all five.
#[test]
fn fifty_people_half_of_them_on_a_bad_network_miss_and_repeat_nothing() {
    let server =
        Server::at(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"], &["--unlimited", "--memory-limit", "1GiB"]);
    let proxy = UdpProxy::start(server.udp_port(), Fate { lost: 20, doubled: 10, overtaken: 20 }, 7);
    let mut programs: Vec<(usize, Process)> = (0..PROGRAMS)
        .map(|number| {
            let url = if is_lossy(number) { proxy.url() } else { server.url().to_owned() };
            (number, Process::join(&url, &name(number), &room(number)))
        })
        .collect();
    let typing: Vec<_> = programs.iter_mut().map(|(number, it)| it.type_lines(texts(*number))).collect();
    let people = (PROGRAMS..PEOPLE).map(|number| {
        let address = if is_lossy(number) { proxy.address() } else { server.address() };
        attend(address, number)
    });
    let copies = block_on(in_time_of(LIMIT, join_all(people)));
    let mut by_room: BTreeMap<String, u64> = BTreeMap::new();
    for (room, copy) in copies {
        assert_eq!(*by_room.entry(room.clone()).or_insert(copy), copy, "somebody read {room} otherwise");
    }
    for (number, program) in &mut programs {
        let mut copy = Copy::default();
        while copy.read < total(*number) {
            let message = |event: &serde_json::Value| {
                let text = |field: &str| event[field].as_str().map(str::to_owned);
                let is_bad = matches!(event["type"].as_str(), Some("gap" | "reset" | "error" | "lost_room"));
                assert!(!is_bad, "{event}");
                (event["type"] == "message").then(|| (event["seq"].as_u64(), text("from"), text("text")))
            };
            let (seq, from, text) = program.expect("message", message);
            copy.take(seq.unwrap(), &from.unwrap(), &text.unwrap());
        }
        assert_eq!(copy.hash(), by_room[&room(*number)], "a program read {} otherwise", room(*number));
    }
    typing.into_iter().for_each(|it| drop(it.join().expect("the program reads its input")));
    let (passed, lost) = proxy.counts();
    assert!(lost * 6 > passed, "the network was good: {lost} of {passed}");
}

/// One of them: enters a room, talks, and reads until the room is complete. Gives what was read, as a hash.
async fn attend(address: Address, number: usize) -> (String, u64) {
    let Person { mut remote, mut updates } = Person::new(address, &name(number), number as u64);
    let talking = async {
        remote.ask(enter(&room(number)), 1).await.expect("the conversation goes on");
        for text in texts(number) {
            remote.ask(say(&room(number), &text), 2).await.expect("the conversation goes on");
        }
    };
    let reading = async {
        let mut copy = Copy::default();
        while copy.read < total(number) {
            let EntryFrame { seq, author, body, .. } = updates.expect("entry", entry).await;
            copy.take(seq, &author.name, &body.text);
        }
        copy.hash()
    };
    let hash = join(talking, reading).await.1;
    // Nothing comes after the end, and there was no second of anything.
    let pause = runtime().sleep_until(runtime().now() + Duration::from_millis(100));
    let more = updates.filter(|it| futures::future::ready(matches!(it, Update::Entry(_)))).into_future();
    match select(more, pause).await {
        Either::Left(((Some(more), _), _)) => panic!("there is more: {more:?}"),
        Either::Left(_) | Either::Right(_) => (room(number), hash),
    }
}

/// What one reader read.
#[derive(Default)]
struct Copy {
    read: usize,
    said: BTreeMap<String, usize>,
    hasher: DefaultHasher,
}

impl Copy {
    /// Each number once and in order, and what each person said once and in order.
    fn take(&mut self, seq: u64, from: &str, text: &str) {
        self.read += 1;
        assert_eq!(seq, self.read as u64, "{from}: {text}");
        let count = self.said.entry(from.to_owned()).or_default();
        assert_eq!(text, format!("{from} {count}"));
        *count += 1;
        (seq, from, text).hash(&mut self.hasher);
    }

    fn hash(&self) -> u64 {
        self.hasher.finish()
    }
}

fn texts(number: usize) -> impl Iterator<Item = String> + use<> {
    (0..count(number)).map(move |count| format!("{} {count}", name(number)))
}

/// How many things one says.
fn count(number: usize) -> usize {
    if is_lossy(number) { LOSSY_TEXTS } else { TEXTS }
}

/// How many messages the room of one has in the end.
fn total(number: usize) -> usize {
    (0..PEOPLE).filter(|it| it % ROOMS == number % ROOMS).map(count).sum()
}

fn name(number: usize) -> String {
    format!("p{number}")
}

fn room(number: usize) -> String {
    format!("room{}", number % ROOMS)
}

/// Half of all people, and half of each room, as far as five people have halves.
fn is_lossy(number: usize) -> bool {
    (number / ROOMS + number) % 2 == 1
}

const PEOPLE: usize = 50;
const ROOMS: usize = 10;
/// So many of them are processes of their own, every other one on the bad network.
const PROGRAMS: usize = 6;
/// What each says: 100,000 messages in all. On the bad network people talk as well, and mostly listen.
const TEXTS: usize = 3800;
const LOSSY_TEXTS: usize = 200;
/// Several times what a busy machine needs.
const LIMIT: Duration = Duration::from_secs(300);
