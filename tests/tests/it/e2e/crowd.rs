//! One hundred people in ten rooms, and a few programs among them, read the same everywhere.

use std::collections::BTreeMap;

use chat_core::wire::EntryFrame;
use futures::{
    executor::block_on,
    future::{join, join_all},
};

use super::harness::{Heard, Person, Process, Server, entry, join as enter, say};

/// protocol 6.1, protocol 5.8
#[test]
fn a_hundred_people_in_ten_rooms_read_the_same_everywhere() {
    let server = Server::start(&["--unlimited"]);
    let mut processes: Vec<(String, Process)> = (0..PROCESSES)
        .map(|number| (room(number), Process::join(server.url(), &format!("program{number}"), &room(number))))
        .collect();
    let totals = totals();
    for (number, (_, process)) in processes.iter_mut().enumerate() {
        for count in 0..TEXTS {
            process.type_line(&format!("program{number} {count}"));
        }
    }
    let readers = block_on(join_all((0..PEOPLE).map(|number| attend(&server, number, &totals))));
    for (name, total) in &totals {
        let mut copies = readers.iter().filter_map(|rooms| rooms.get(name));
        let first = copies.next().expect("every room has members");
        assert!(first.iter().map(|it| it.seq).eq(1..=*total as u64), "{name} has holes");
        assert!(copies.all(|copy| copy == first), "somebody read {name} otherwise");
        check_senders(first);
    }
    for (name, process) in &mut processes {
        let first = readers.iter().find_map(|rooms| rooms.get(name)).expect("every room has members");
        let expected: Vec<(u64, String)> = first.iter().map(|it| (it.seq, it.body.text.clone())).collect();
        assert_eq!(process.messages(expected.len()), expected, "the program in {name}");
    }
}

/// One of the hundred: enters two rooms, talks in both, and reads until both are complete.
async fn attend(
    server: &Server,
    number: usize,
    totals: &BTreeMap<String, usize>,
) -> BTreeMap<String, Vec<EntryFrame>> {
    let Person { mut remote, mut updates } =
        Person::new(server.address(), &format!("person{number}"), number as u64);
    let rooms = rooms_of(number);
    let talking = async {
        for room in &rooms {
            remote.ask(enter(room), 1).await.expect("the conversation goes on");
        }
        for count in 0..TEXTS {
            for room in &rooms {
                let text = format!("person{number} {count}");
                remote.ask(say(room, &text), 2).await.expect("the conversation goes on");
            }
        }
    };
    let reading = async {
        let mut read: BTreeMap<String, Vec<EntryFrame>> = BTreeMap::new();
        let missing: usize = rooms.iter().map(|room| totals[room]).sum();
        for _ in 0..missing {
            let entry = updates.expect("entry", entry).await;
            read.entry(entry.room.clone()).or_default().push(entry);
        }
        read
    };
    join(talking, reading).await.1
}

/// Checks that what each person said is there once and in the order it was said.
fn check_senders(entries: &[EntryFrame]) {
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in entries {
        let count = said.entry(&entry.author.name).or_default();
        assert_eq!(entry.body.text, format!("{} {count}", entry.author.name), "in {}", entry.room);
        *count += 1;
    }
    assert!(said.values().all(|count| *count == TEXTS), "something is missing: {said:?}");
}

/// How many messages each room has in the end.
fn totals() -> BTreeMap<String, usize> {
    let mut totals = BTreeMap::new();
    let people = (0..PEOPLE).flat_map(rooms_of);
    for room in people.chain((0..PROCESSES).map(room)) {
        *totals.entry(room).or_default() += TEXTS;
    }
    totals
}

/// Two rooms that differ.
fn rooms_of(number: usize) -> [String; 2] {
    let first = number % ROOMS;
    [room(first), room(first + 1 + number / ROOMS % (ROOMS - 1))]
}

fn room(number: usize) -> String {
    format!("room{}", number % ROOMS)
}

const PEOPLE: usize = 100;
const ROOMS: usize = 10;
const PROCESSES: usize = 3;
/// What each says in each of its rooms.
const TEXTS: usize = 20;
