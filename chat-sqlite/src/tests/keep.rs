//! What is let go of: by age, without anybody asking, and never all at once.

use std::time::{Duration, Instant, SystemTime};

use chat_core::log::{Append, Change, Record, RoomLog};
use futures::{FutureExt, StreamExt, executor::block_on};
use rusqlite::Connection;
use tempfile::tempdir;

use super::{append, open, say, state, talk, texts};
use crate::{Keep, Options, SqliteLog};

#[test]
fn what_is_too_old_goes_while_nobody_says_anything() {
    let directory = tempdir().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    let log = open(directory.path());
    let aged = |room, request, hours: u64| Append { at: now - hours * 3_600_000, ..say(room, request, "x") };
    for n in 0..300 {
        append(&log, vec![aged("old", n, 50), aged("mixed", 1000 + n, 50)]).unwrap();
    }
    append(&log, vec![aged("mixed", 3001, 1), aged("new", 3002, 1)]).unwrap();
    let head = state(&log, "mixed").unwrap().head;
    drop(log);

    let keep = Keep { age: Some(Duration::from_secs(24 * 3600)), bytes: None };
    let log = SqliteLog::open(directory.path(), Options { keep, ..Options::default() }).unwrap();
    let (_, mut tail) = block_on(log.subscribe()).unwrap();
    let standing = |room| state(&log, room).map(|it| (it.oldest, it.head)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while standing("old") != (301, 300) || standing("mixed").0 != 301 {
        assert!(Instant::now() < deadline, "{:?}, {:?}", standing("old"), standing("mixed"));
        std::thread::yield_now();
    }
    assert_eq!((standing("mixed"), standing("new").0), ((301, head), 1));
    assert_eq!(texts(&log, "old"), [""; 0]);
    // The tail says so.
    let mut trimmed = std::collections::HashMap::new();
    while let Some(Some(commit)) = tail.next().now_or_never() {
        for change in commit.unwrap().changes {
            if let Change::Record(Record::RoomTrimmed { room, oldest }) = change {
                trimmed.insert(room.to_string(), oldest);
            }
        }
    }
    assert_eq!(trimmed, [("mixed".to_owned(), 301), ("old".to_owned(), 301)].into());
    let outcome = append(&log, vec![Append { at: now, ..say("old", 5001, "x") }]).unwrap()[0];
    assert!(matches!(outcome, chat_core::log::Outcome::Stored(it) if it.seq == 301), "{outcome:?}");
}

#[test]
fn nothing_of_it_stays_in_the_file() {
    let directory = tempdir().unwrap();
    let keep = Keep { age: None, bytes: Some(1) };
    let log = SqliteLog::open(directory.path(), Options { keep, ..Options::default() }).unwrap();
    talk(&log, "lobby", 1..=9);
    assert_eq!(state(&log, "lobby").map(|it| (it.oldest, it.head)), Some((10, 9)));
    drop(log);
    let db = Connection::open(directory.path().join("chat.db")).unwrap();
    let rows: i64 = db.query_one("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn keep_days(directory: &std::path::Path, days: u64) -> SqliteLog {
    let keep = Keep { age: Some(Duration::from_secs(86_400 * days)), bytes: None };
    SqliteLog::open(directory, Options { keep, ..Options::default() }).unwrap()
}

/// A clock that is ahead, as this log sees it: everything it holds is from years ago, and so is the time it believes.
///
/// protocol 8.15
#[test]
fn a_clock_that_is_years_ahead_of_the_log_deletes_nothing() {
    const YEARS: u64 = 10 * 365 * 86_400_000;
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    for n in 1..=50 {
        append(&log, vec![Append { at: now() - YEARS, ..say("lobby", n, "from just now") }]).unwrap();
    }
    drop(log);
    for _ in 0..2 {
        let log = keep_days(directory.path(), 90);
        append(&log, vec![Append { at: now(), ..say("busy", now(), "said while the clock is wrong") }])
            .unwrap();
        std::thread::sleep(Duration::from_millis(1500)); // longer than the writer waits before it deletes
        assert_eq!(state(&log, "lobby").unwrap().oldest, 1);
        drop(log);
        // The time that was believed is known to the next run, whatever was said.
        let db = Connection::open(directory.path().join("chat.db")).unwrap();
        let believed: i64 = db.query_one("SELECT believed FROM clock", [], |row| row.get(0)).unwrap();
        assert!(believed.cast_unsigned() < now() - YEARS + 600_000, "{believed}");
    }
}

/// What was said in this run is as new as the process knows it to be, whatever time it bears.
///
/// protocol 8.15
#[test]
fn what_was_said_in_this_run_is_not_too_old() {
    let directory = tempdir().unwrap();
    let log = keep_days(directory.path(), 1);
    append(&log, vec![Append { at: now() - 30 * 86_400_000, ..say("lobby", 1, "with a strange time") }])
        .unwrap();
    append(&log, vec![Append { at: now(), ..say("lobby", 2, "now") }]).unwrap();
    assert_eq!(state(&log, "lobby").unwrap().oldest, 1);
    drop(log);
    let log = keep_days(directory.path(), 1);
    let deadline = Instant::now() + Duration::from_secs(30);
    while state(&log, "lobby").unwrap().oldest == 1 {
        assert!(Instant::now() < deadline, "in the next run it is too old");
        std::thread::yield_now();
    }
}

/// Rooms that nobody speaks in are looked at although others speak all the time.
#[test]
fn what_is_too_old_goes_while_others_speak() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    append(&log, vec![Append { at: now() - 5 * 86_400_000, ..say("quiet", 1, "old") }]).unwrap();
    append(&log, vec![Append { at: now(), ..say("loud", 2, "now") }]).unwrap();
    drop(log);
    let log = keep_days(directory.path(), 1);
    let (deadline, mut n) = (Instant::now() + Duration::from_secs(60), 10);
    while state(&log, "quiet").unwrap().oldest == 1 {
        assert!(Instant::now() < deadline, "it stays while others speak");
        n += 1;
        append(&log, vec![Append { at: now(), ..say("loud", n, "now") }]).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
}
