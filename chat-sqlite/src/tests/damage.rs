//! Bits that flip and files that end too early: nothing wrong is ever read, and nothing panics.

use std::{fs, path::Path};

use chat_core::{
    ClientId,
    log::{Append, Outcome, RoomLog},
    wire::EntryKind,
};
use futures::executor::block_on;
use rusqlite::Connection;
use tempfile::tempdir;

use super::{append, epoch, name, open, page, say, state, talk, texts, topic};
use crate::{Options, SqliteLog};

/// A log with some rooms and topics, a part of it in the write-ahead log, as a crash leaves it.
fn crashed(into: &Path) {
    let directory = tempdir().unwrap();
    drop({
        let log = open(directory.path());
        fill(&log, 1..=120);
        log
    });
    let log = open(directory.path());
    fill(&log, 121..=200);
    for file in ["chat.db", "chat.db-wal"] {
        fs::copy(directory.path().join(file), into.join(file)).unwrap();
    }
}

fn fill(log: &SqliteLog, range: std::ops::RangeInclusive<u64>) {
    for n in range.step_by(4) {
        append(log, (n..n + 4).map(item).collect()).unwrap();
    }
}

fn item(n: u64) -> Append {
    let say = if n.is_multiple_of(10) { topic } else { say };
    say(["lobby", "kitchen"][n as usize % 2], n, &format!("what was said as number {n}. ").repeat(5))
}

/// Everything that can be read is what was written, under the number it was given.
fn check(directory: &Path, what: &str) -> usize {
    let Ok(log) = SqliteLog::open(directory, Options::default()) else { return 0 };
    let mut read = 0;
    for state in block_on(log.rooms()).unwrap() {
        let room = state.room.as_str();
        let Some(first) = ["kitchen", "lobby"].iter().position(|it| *it == room) else {
            panic!("{what}: {room}")
        };
        let item = |seq: u64| item(if first == 1 { seq * 2 } else { seq * 2 - 1 });
        let mut after = 0;
        while after < state.head {
            let limit = chat_core::log::PageLimit { entries: 30, bytes: 1 << 20 };
            let Ok(page) = block_on(log.read(&state.room, after, limit)) else { break };
            for entry in &page.entries {
                assert!(entry.seq > after && entry.seq <= 100, "{what}: {}", entry.seq);
                let wanted = item(entry.seq);
                assert_eq!(
                    (entry.body.kind.clone(), &entry.body.text, &*entry.author.name),
                    (wanted.body.kind.clone(), &wanted.body.text, "ana"),
                    "{what}"
                );
                after = entry.seq;
                read += 1;
            }
            assert!(page.through > after || !page.entries.is_empty(), "{what}: a page leads nowhere");
            after = page.through;
        }
        let topics = (1..=100).map(item).filter(|it| it.body.kind == EntryKind::Topic);
        let topic = state.state.topic();
        assert!(topic.is_empty() || topics.into_iter().any(|it| it.body.text == topic), "{what}");
    }
    // A request is known where it was, or is a conflict, or is stored anew; never known elsewhere.
    for n in [2, 3, 90, 199, 200] {
        let Ok(outcomes) = append(&log, vec![item(n)]) else { break };
        match outcomes[0] {
            Outcome::Known(it) => assert_eq!(it.seq, n.div_ceil(2), "{what}"),
            Outcome::Stored(_) | Outcome::Conflict => {}
            other => panic!("{what}: {other:?}"),
        }
    }
    // What is stored now is there, unless it is said that it is not.
    if let Ok(outcomes) = append(&log, vec![Append { client: ClientId(8), ..say("lobby", 1, "new") }]) {
        let Outcome::Stored(position) = outcomes[0] else { panic!("{what}: {outcomes:?}") };
        if let Ok(page) = block_on(log.read(&name("lobby"), position.seq - 1, super::PAGE)) {
            assert_eq!(page.entries.last().map(|it| &*it.body.text), Some("new"), "{what}");
        }
    }
    read
}

#[test]
fn a_flipped_bit_is_never_read() {
    let mut dice = fastrand::Rng::with_seed(7);
    let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
    crashed(whole.path());
    let files: Vec<Vec<u8>> =
        ["chat.db", "chat.db-wal"].iter().map(|it| fs::read(whole.path().join(it)).unwrap()).collect();
    let mut read = Vec::new();
    for round in 0..FLIPS {
        let mut files = files.clone();
        let file = usize::from(dice.u8(0..4) == 0);
        let at = dice.usize(..files[file].len());
        files[file][at] ^= 1 << dice.u8(0..8);
        let _ = fs::remove_file(broken.path().join("chat.db-shm"));
        fs::write(broken.path().join("chat.db"), &files[0]).unwrap();
        fs::write(broken.path().join("chat.db-wal"), &files[1]).unwrap();
        read.push(check(broken.path(), &format!("round {round}: file {file}, byte {at}")));
    }
    let most = read.iter().filter(|it| **it >= 100).count();
    assert!(most > FLIPS / 2, "one bit does not cost everything: {most} of {FLIPS}");
    assert!(read.iter().any(|it| (1..200).contains(it)), "some bits cost something: {read:?}");
}

#[test]
fn a_file_that_ends_too_early_is_not_read_wrong() {
    let mut dice = fastrand::Rng::with_seed(8);
    let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
    crashed(whole.path());
    let files: Vec<Vec<u8>> =
        ["chat.db", "chat.db-wal"].iter().map(|it| fs::read(whole.path().join(it)).unwrap()).collect();
    for round in 0..CUTS {
        let file = round % 2;
        let mut files = files.clone();
        let end = dice.usize(..files[file].len());
        files[file].truncate(end);
        let _ = fs::remove_file(broken.path().join("chat.db-shm"));
        fs::write(broken.path().join("chat.db"), &files[0]).unwrap();
        fs::write(broken.path().join("chat.db-wal"), &files[1]).unwrap();
        check(broken.path(), &format!("round {round}: file {file} ends at {end}"));
    }
}

/// Changes the database behind the log's back.
fn tamper(directory: &Path, sql: &str) {
    let db = Connection::open(directory.join("chat.db")).unwrap();
    db.execute_batch(sql).unwrap();
}

/// protocol 6.5
#[test]
fn an_entry_that_is_not_what_was_written_is_a_gap() {
    let changes = [
        "UPDATE entries SET text = 'forged' WHERE seq = 3",
        "UPDATE entries SET author = 'bob' WHERE seq = 3",
        "UPDATE entries SET identity = zeroblob(32) WHERE seq = 3",
        "UPDATE entries SET bot = 1 WHERE seq = 3",
        "UPDATE entries SET at = at + 1 WHERE seq = 3",
        "UPDATE entries SET kind = 'topic' WHERE seq = 3",
        "UPDATE entries SET kind = 'x' WHERE seq = 3",
        "UPDATE entries SET fields = '{\"a\":1}' WHERE seq = 3",
        "UPDATE entries SET fields = '{' WHERE seq = 3",
        "UPDATE entries SET request = 99 WHERE seq = 3",
        "UPDATE entries SET client = x'00000000000000000000000000000009' WHERE seq = 3",
        "UPDATE entries SET client = x'00' WHERE seq = 3",
        "UPDATE entries SET hash = zeroblob(32) WHERE seq = 3",
        "UPDATE entries SET digest = zeroblob(32) WHERE seq = 3",
        "UPDATE entries SET checksum = checksum + 1 WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 3",
        "UPDATE entries SET seq = 30 WHERE seq = 3; UPDATE entries SET seq = 3 WHERE seq = 4;
         UPDATE entries SET seq = 4 WHERE seq = 30",
    ];
    for change in changes {
        let directory = tempdir().unwrap();
        talk(&open(directory.path()), "lobby", 1..=6);
        tamper(directory.path(), change);
        let log = open(directory.path());
        let page = page(&log, "lobby", 0);
        let numbers: Vec<u64> = page.entries.iter().map(|it| it.seq).filter(|it| *it != 4).collect();
        assert_eq!((numbers, page.through), (vec![1, 2, 5, 6], 6), "{change}");
        for entry in page.entries {
            assert_eq!(entry.body.text, entry.seq.to_string(), "{change}");
        }
        assert_eq!(append(&log, vec![say("lobby", 7, "7")]).unwrap()[0], super::stored(7, 1007), "{change}");
    }
}

#[test]
fn a_room_whose_row_is_damaged_is_what_its_entries_say() {
    for change in [
        "head = 2",
        "head = 900",
        "oldest = 4",
        "newest_at = 0",
        "incarnation = 5",
        "position = 0",
        "hash = zeroblob(32)",
        "checksum = 0",
        "lineage = 0, checksum = 0",
    ] {
        let directory = tempdir().unwrap();
        let log = open(directory.path());
        talk(&log, "lobby", 1..=6);
        let read = epoch(&log, "lobby");
        drop(log);
        tamper(directory.path(), &format!("UPDATE rooms SET {change}"));
        let log = open(directory.path());
        let state = state(&log, "lobby").unwrap();
        assert_eq!((state.oldest, state.head), (1, 6), "{change}");
        assert!(!log.holds(&name("lobby"), &read, 1), "{change}: nobody knows what else is lost");
        assert_eq!(append(&log, vec![say("lobby", 7, "7")]).unwrap()[0], super::stored(7, 1007), "{change}");
        let second = epoch(&log, "lobby");
        drop(log);
        let log = open(directory.path());
        assert_eq!(texts(&log, "lobby").len(), 7, "{change}");
        assert!(log.holds(&name("lobby"), &second, 7), "{change}: it is mended");
    }
}

#[test]
fn a_room_that_nothing_proves_is_left_out_and_its_entries_with_it() {
    let directory = tempdir().unwrap();
    talk(&open(directory.path()), "lobby", 1..=6);
    tamper(directory.path(), "UPDATE rooms SET name = 'lobbz'");
    let log = open(directory.path());
    assert_eq!(block_on(log.rooms()).unwrap(), []);
    assert_eq!(append(&log, vec![say("lobby", 3, "3")]).unwrap(), [Outcome::Conflict]);
    talk(&log, "lobby", 7..=8);
    assert_eq!(texts(&log, "lobby"), ["7", "8"]);
    assert_eq!(state(&log, "lobby").unwrap().head, 2);
    drop(log);
    let log = open(directory.path());
    assert_eq!(texts(&log, "lobby"), ["7", "8"]);
}

/// protocol 6.4
#[test]
fn a_past_that_is_damaged_is_nobodys() {
    for change in [
        "DELETE FROM spans WHERE run = 2",
        "UPDATE spans SET first = 3 WHERE run = 2",
        "UPDATE spans SET run = 9 WHERE run = 2",
        "UPDATE runs SET id = 9 WHERE id = 2",
        "UPDATE runs SET name = x'00000000000000000000000000000009' WHERE id = 2",
        "DELETE FROM runs WHERE id = 2",
        "DELETE FROM spans",
        "DELETE FROM runs",
    ] {
        let directory = tempdir().unwrap();
        let mut epochs = Vec::new();
        for n in 1..=3 {
            let log = open(directory.path());
            talk(&log, "lobby", n..=n);
            epochs.push(epoch(&log, "lobby"));
        }
        tamper(directory.path(), change);
        let log = open(directory.path());
        for (read, seq) in epochs.iter().zip(1..) {
            assert!(!log.holds(&name("lobby"), read, seq), "{change}: {seq}");
        }
        assert_eq!(texts(&log, "lobby"), ["1", "2", "3"], "{change}");
        talk(&log, "lobby", 4..=4);
        let fourth = epoch(&log, "lobby");
        drop(log);
        let log = open(directory.path());
        assert!(log.holds(&name("lobby"), &fourth, 4), "{change}: it is mended");
        assert!(!log.holds(&name("lobby"), &epochs[2], 3), "{change}");
    }
}

/// protocol 6.4: a quiet run stands in no room's past, so it has to prove itself.
#[test]
fn a_damaged_run_does_not_pass_for_a_later_one() {
    let directory = tempdir().unwrap();
    talk(&open(directory.path()), "lobby", 1..=1);
    let quiet = epoch(&open(directory.path()), "lobby");
    talk(&open(directory.path()), "lobby", 2..=2);
    let held = |log: &SqliteLog, seq| log.holds(&name("lobby"), &quiet, seq);
    let log = open(directory.path());
    assert!(held(&log, 1) && !held(&log, 2), "number 2 is of a later run");
    drop(log);
    tamper(directory.path(), "UPDATE runs SET id = 9 WHERE id = 2");
    let log = open(directory.path());
    assert!(!held(&log, 2) && !held(&log, 1), "it is not known any more");
}

#[test]
fn a_damaged_topic_is_none() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    append(&log, vec![topic("lobby", 1, "tea")]).unwrap();
    drop(log);
    for change in ["seq = 9", "text = 'forged'"] {
        tamper(directory.path(), &format!("UPDATE state SET {change}"));
        assert_eq!(state(&open(directory.path()), "lobby").unwrap().state.topic(), "", "{change}");
    }
}

/// Bits that are flipped, one each time.
const FLIPS: usize = 400;
/// Places at which files end.
const CUTS: usize = 120;
