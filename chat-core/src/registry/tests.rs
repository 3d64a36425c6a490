//! The registry follows a log, and notices a tail that is not one.

use std::sync::Arc;

use futures::{FutureExt, StreamExt, executor::block_on};

use super::*;
use crate::{
    ClientId,
    log::{Append, MemoryLog, RoomLog, Write},
    wire::{Author, Body},
};

fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

fn say(request: u64, room: &str) -> Write {
    let (author, text) = (Arc::new(Author::person("ana")), "x".repeat(100));
    let body = if request.is_multiple_of(7) { Body::topic(text) } else { Body::message(text) };
    let client = ClientId(1);
    Write::Entry(Append { client, request, room: name(room), author, at: request, body: Arc::new(body) })
}

fn sorted(rooms: impl IntoIterator<Item = RoomState>) -> Vec<RoomState> {
    let mut rooms: Vec<RoomState> = rooms.into_iter().collect();
    rooms.sort_by(|a, b| a.room.cmp(&b.room));
    rooms
}

#[test]
fn a_registry_that_begins_anywhere_is_as_the_log_is() {
    let log = MemoryLog::new(10_000, 7);
    let mut dice = fastrand::Rng::with_seed(5);
    let mut followers = Vec::new();
    for step in 1..=600 {
        if step % 100 == 1 {
            let (snapshot, tail) = block_on(log.subscribe()).unwrap();
            followers.push((Registry::new(log.epoch(), snapshot), tail));
        }
        let room = ["a", "b", "c", "d"][dice.usize(..4)];
        let oldest = block_on(log.rooms()).unwrap().iter().find(|it| it.room == name(room)).map(|it| it.head);
        let write = match dice.u8(..10) {
            0 => Write::Record(Record::RoomMade { room: name(room), incarnation: dice.u64(..) }),
            1 => Write::Record(Record::RoomForgotten { room: name(room) }),
            2 => Write::Record(Record::RoomTrimmed { room: name(room), oldest: oldest.unwrap_or(0) + 1 }),
            _ => say(step, room),
        };
        block_on(log.append(vec![write, say(step, room)])).unwrap();
        for (registry, tail) in &mut followers {
            while let Some(Some(commit)) = tail.next().now_or_never() {
                registry.apply(&commit.unwrap()).unwrap();
            }
            let wanted = sorted(block_on(log.rooms()).unwrap());
            assert_eq!(sorted(registry.rooms().cloned()), wanted, "step {step}");
        }
    }
    assert!(followers.windows(2).all(|pair| pair[0].0 == pair[1].0), "and all are equal");
}

fn commits(log: &MemoryLog, batches: Vec<Vec<Write>>) -> Vec<Commit> {
    let (_, mut tail) = block_on(log.subscribe()).unwrap();
    let commit = |batch| {
        block_on(log.append(batch)).unwrap();
        block_on(tail.next()).unwrap().unwrap()
    };
    batches.into_iter().map(commit).collect()
}

#[test]
fn a_commit_that_is_missing_or_doubled_is_noticed() {
    let log = MemoryLog::new(1 << 20, 7);
    let all = commits(&log, (1..=3).map(|request| vec![say(request, "a")]).collect());
    let fresh = || Registry::new(log.epoch(), Snapshot::default());
    let mut registry = fresh();
    all.iter().for_each(|commit| registry.apply(commit).unwrap());
    assert_eq!((registry.position(), registry.room(&name("A")).unwrap().head), (3, 3));
    assert_eq!(registry.apply(&all[2]), Err(Misplaced::Position { last: 3, found: 3 }));

    let mut registry = fresh();
    registry.apply(&all[0]).unwrap();
    let missing = Misplaced::Entry { room: name("a"), expected: 2, found: 3 };
    assert_eq!(registry.apply(&all[2]), Err(missing));
    assert_eq!(fresh().apply(&all[1]), Err(Misplaced::Record { room: name("a") }), "it was never made");
}

#[test]
fn a_record_that_does_not_fit_is_noticed() {
    let mut registry = Registry::new("e".to_owned(), Snapshot::default());
    let (room, misfit) = (name("a"), Err(Misplaced::Record { room: name("a") }));
    let mut apply =
        |position, record| registry.apply(&Commit { position, changes: vec![Change::Record(record)] });
    assert_eq!(apply(1, Record::RoomForgotten { room: room.clone() }), misfit);
    assert_eq!(apply(2, Record::RoomMade { room: room.clone(), incarnation: 1 }), Ok(()));
    assert_eq!(apply(3, Record::RoomMade { room: room.clone(), incarnation: 2 }), misfit);
    assert_eq!(apply(4, Record::RoomTrimmed { room: room.clone(), oldest: 2 }), misfit, "nothing was said");
    assert_eq!(apply(5, Record::RoomForgotten { room: room.clone() }), Ok(()));
    assert_eq!(apply(6, Record::RoomMade { room, incarnation: 2 }), Ok(()));
}
