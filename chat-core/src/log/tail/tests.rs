//! A reader that is too slow, and how the changes of a commit are grouped.

use futures::{FutureExt, executor::block_on};

use super::*;
use crate::wire::{Author, Body};

fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

fn entry(seq: u64) -> LogEntry {
    let (author, body) = (Arc::new(Author::person("ana")), Arc::new(Body::message("x")));
    LogEntry { seq, at: 1, author, body, hash: Default::default() }
}

fn commit(position: u64) -> Commit {
    let mut commit = Commit { position, changes: Vec::new() };
    commit.add_entry(&name("a"), entry(position));
    commit
}

#[test]
fn every_reader_gets_every_commit_from_when_it_came() {
    let mut feed = Feed::default();
    let early = feed.subscribe();
    feed.publish(commit(1));
    let late = feed.subscribe();
    feed.publish(Commit { position: 2, changes: Vec::new() });
    feed.publish(commit(3));
    drop(feed);
    let positions = |tail: Tail| -> Vec<u64> {
        block_on(tail.map(|commit| commit.unwrap().position).collect::<Vec<_>>())
    };
    assert_eq!(positions(early), [1, 3], "a commit that changes nothing is none");
    assert_eq!(positions(late), [3]);
}

#[test]
fn a_reader_that_is_too_slow_is_told_so_after_what_it_has_and_others_go_on() {
    let mut feed = Feed::default();
    let (mut slow, mut quick) = (feed.subscribe(), feed.subscribe());
    let many = MOST_WAITING as u64 + 10;
    for position in 1..=many {
        feed.publish(commit(position));
        let read = quick.next().now_or_never().flatten().unwrap().unwrap();
        assert_eq!(read.position, position);
    }
    let mut positions = Vec::new();
    let end = loop {
        match block_on(slow.next()) {
            Some(Ok(commit)) => positions.push(commit.position),
            end => break end,
        }
    };
    assert_eq!(end, Some(Err(LogError::TooSlow)));
    assert_eq!(block_on(slow.next()), None);
    assert!(positions.len() >= MOST_WAITING && (positions.len() as u64) < many, "{}", positions.len());
    assert!(positions.iter().copied().eq(1..=positions.len() as u64), "without a hole up to there");
}

#[test]
fn the_changes_of_one_room_keep_their_order() {
    let mut commit = Commit::default();
    let made = |room| Record::RoomMade { room: name(room), incarnation: 7 };
    commit.add_record(made("a"));
    commit.add_entry(&name("a"), entry(1));
    commit.add_entry(&name("b"), entry(1));
    commit.add_entry(&name("A"), entry(2));
    commit.add_record(Record::RoomTrimmed { room: name("a"), oldest: 3 });
    commit.add_entry(&name("b"), entry(2));
    commit.add_entry(&name("a"), entry(3));
    let entries = |room, seqs: &[u64]| Change::Entries {
        room: name(room),
        entries: seqs.iter().map(|seq| entry(*seq)).collect(),
    };
    let wanted = [
        Change::Record(made("a")),
        entries("a", &[1, 2]),
        entries("b", &[1, 2]),
        Change::Record(Record::RoomTrimmed { room: name("a"), oldest: 3 }),
        entries("a", &[3]),
    ];
    assert_eq!(commit.changes, wanted);
}
