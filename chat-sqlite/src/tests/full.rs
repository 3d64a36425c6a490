//! A disk without space: what is refused is not stored, and it goes on by itself.

use std::fs;

use chat_core::log::{LogError, Outcome, RoomLog};
use futures::executor::block_on;
use tempfile::tempdir;

use super::{append, open, page, say, state, stored, talk, texts};
use crate::{Keep, Options, SqliteLog};

/// protocol 7.5, 13.1
#[test]
fn a_full_disk_refuses_and_recovers() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    let long = "x".repeat(8000);
    for round in 0..5 {
        log.execute("PRAGMA max_page_count = 1");
        let before = state(&log, "lobby").map_or(0, |it| it.head);
        let mut refused = 0;
        for request in 1..=40 {
            match append(&log, vec![say("lobby", round * 100 + request, &long); 3]) {
                Ok(_) => {}
                Err(LogError::Full(why)) => {
                    assert_eq!(why, "there is no space left on the disk");
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 10, "it was full: {refused} of 40 were refused");
        let head = state(&log, "lobby").map_or(0, |it| it.head);
        assert_eq!(head, before + 40 - refused);
        // Reading goes on, and what was stored before is known.
        assert_eq!(page(&log, "lobby", 0).through, head);
        let again = block_on(log.lookup(vec![say("lobby", round * 100 + 40, &long)])).unwrap();
        assert_eq!(again, [None]);
        log.execute("PRAGMA max_page_count = 1000000");
        let outcome = append(&log, vec![say("lobby", round * 100 + 40, &long)]).unwrap()[0];
        assert!(matches!(outcome, Outcome::Stored(it) if it.seq == head + 1), "no hole: {outcome:?}");
    }
    let head = state(&log, "lobby").unwrap().head;
    drop(log);
    let log = open(directory.path());
    assert_eq!(state(&log, "lobby").unwrap().head, head);
}

#[test]
fn a_batch_is_refused_whole() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    talk(&log, "lobby", 1..=3);
    log.execute("PRAGMA max_page_count = 1");
    let long = "x".repeat(8000);
    let batch =
        vec![say("lobby", 4, "4"), say("new", 5, "5"), say("lobby", 6, &long), say("lobby", 7, &long)];
    assert!(matches!(append(&log, batch.clone()), Err(LogError::Full(_))));
    assert_eq!(texts(&log, "lobby"), ["1", "2", "3"]);
    assert_eq!(state(&log, "new"), None);
    log.execute("PRAGMA max_page_count = 1000000");
    let outcomes = append(&log, batch).unwrap();
    assert_eq!(outcomes, [stored(4, 1004), stored(1, 1005), stored(5, 1006), stored(6, 1007)]);
}

/// What a small database may hold fits a small disk: its write-ahead log is not allowed to grow beyond it by much.
#[test]
fn a_small_database_has_a_small_write_ahead_log() {
    let directory = tempdir().unwrap();
    let keep = Keep { age: None, bytes: Some(1 << 20) };
    let log = SqliteLog::open(directory.path(), Options { keep, ..Options::default() }).unwrap();
    let (long, mut largest) = ("x".repeat(8000), 0);
    for request in 1..=400 {
        append(&log, (0..4).map(|k| say("lobby", request * 4 + k, &long)).collect()).unwrap();
        let size = |name: &str| fs::metadata(directory.path().join(name)).unwrap().len();
        largest = largest.max(size("chat.db") + size("chat.db-wal"));
    }
    assert!(largest < 10 << 20, "{largest} bytes for 1 MiB of texts");
}
