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
