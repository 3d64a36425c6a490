//! Databases of version 2: brought to the present version whole or not at all, with a copy kept until the next start.
//!
//! `chat.db.v2` was made by the program of that version in three runs (`OLD`), and then vacuumed. Room `old` was trimmed in the second.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use chat_core::log::{EntryHash, Outcome, Search, chain};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::{OpenError, connection, migrate, schema::VERSION};

/// The runs of the old database.
const OLD: [&str; 3] = ["uP_pgGs5mnxrv6UjCksz6Q", "3YDqOqWApQY8zKfqs2MVDg", "i32kJwg73E4WHPHcXqfhDQ"];
/// Its rooms: oldest, head and topic.
const ROOMS: [(&str, u64, u64, &str); 3] =
    [("Küche", 1, 3, "Abwasch 2"), ("Lobby", 1, 7, ""), ("old", 66, 81, "gone topic")];

fn old() -> TempDir {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("chat.db"), include_bytes!("chat.db.v2")).unwrap();
    directory
}

fn copy_of(directory: &Path) -> PathBuf {
    directory.join("chat.db.v2")
}

fn tamper(directory: &Path, sql: &str) {
    Connection::open(directory.join("chat.db")).unwrap().execute_batch(sql).unwrap();
}

/// Everything a migrated log has to be, and that it works.
fn check(log: &SqliteLog, what: &str) {
    let rooms: BTreeMap<String, RoomState> =
        block_on(log.rooms()).unwrap().into_iter().map(|room| (room.room.to_string(), room)).collect();
    let standing: Vec<_> = rooms
        .iter()
        .map(|(room, state)| (room.as_str(), state.oldest, state.head, state.state.topic()))
        .collect();
    assert_eq!(standing, ROOMS, "{what}");
    for (room, oldest, head, _) in ROOMS {
        let entries = page(log, room, 0).entries;
        assert!(entries.iter().map(|entry| entry.seq).eq(oldest..=head), "{what}: {room}");
        // The hash before the first entry that was held is not known.
        let mut previous = EntryHash::NONE;
        for entry in &entries {
            let link = chain::Link {
                previous,
                room,
                seq: entry.seq,
                at: entry.at,
                author: &entry.author,
                kind: &entry.body.kind,
                digest: chain::digest(&entry.body),
            };
            assert_eq!(entry.hash, link.hash(), "{what}: {room} {}", entry.seq);
            previous = entry.hash;
        }
    }
    let lobby = page(log, "Lobby", 0).entries;
    let told: Vec<_> =
        lobby.iter().map(|it| (it.author.name.as_str(), it.author.bot, it.body.text.as_str())).collect();
    let mut wanted: Vec<(&str, bool, &str)> = Vec::new();
    for text in ["tea at 0", "tea at 1", "tea at 2"] {
        wanted.extend([("ana", false, text), ("teabot", true, "It's four o'clock")]);
    }
    wanted.push(("ana", false, "the end, which is not indexed"));
    assert_eq!(told, wanted, "{what}");
}

/// protocol 5.4, 6.4, 7.5, 8.7: what was promised before the migration holds after it.
#[test]
fn an_old_log_goes_on_as_it_was() {
    let directory = old();
    let log = open(directory.path());
    check(&log, "at first");
    // Cursors: a number is held from the run on in which it was given.
    for (epoch, head) in OLD.iter().zip([2, 4, 7]) {
        let held: Vec<u64> = (1..=7).filter(|seq| log.holds(&name("lobby"), epoch, *seq)).collect();
        assert_eq!(held, (1..=head).collect::<Vec<_>>(), "{epoch}");
    }
    assert!(!log.holds(&name("lobby"), "AAAAAAAAAAAAAAAAAAAAAA", 1));
    // Requests: the same, another text under the same name, and one whose entry was deleted.
    let again =
        |client, request, room, text: &str| Append { client: ClientId(client), ..say(room, request, text) };
    let bot = Append { author: Arc::new(Author::bot("teabot")), ..again(7, 2, "lobby", "It's four o'clock") };
    let topic = Append { body: Arc::new(Body::topic("Abwasch 1")), ..again(7, 103, "küche", "") };
    let batch = vec![
        again(7, 1, "lobby", "tea at 0"),
        bot,
        topic,
        again(7, 1, "lobby", "other"),
        again(7, 1, "küche", "tea at 0"),
        again(8, 139, "old", "139 is said later on"),
        again(8, 0, "old", "0 is said and let go of"),
    ];
    let outcomes = append(&log, batch).unwrap();
    let seqs: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Known(it) => Some(it.seq),
            Outcome::Conflict => None,
            Outcome::Stored(it) => Some(it.seq + 1000),
            other => panic!("{other:?}"),
        })
        .collect();
    let (_, _, head, _) = ROOMS[2];
    assert_eq!(seqs, [Some(1), Some(2), Some(2), None, None, Some(head), Some(head + 1001)]);
    // Searches, also for an entry that was not indexed.
    for (words, count) in
        [("tea", 3), ("four", 3), ("end", 1), ("later", page(&log, "old", 0).entries.len() - 1)]
    {
        let query = chat_core::words::Query::parse(words).unwrap();
        let search = Search { query, room: None, from: None, since: None, before: None, limit: 100 };
        assert_eq!(block_on(log.search(search)).unwrap().hits.len(), count, "{words}");
    }
    // New entries and new runs.
    talk(&log, "lobby", 1001..=1003);
    let now = epoch(&log, "lobby");
    assert!(!now.contains('.'), "a room from before has an epoch as before: {now}");
    drop(log);
    let log = open(directory.path());
    assert!(log.holds(&name("lobby"), &now, 10) && log.holds(&name("lobby"), OLD[0], 2));
    assert!(!log.holds(&name("lobby"), OLD[2], 8));
}

/// The copy is the old file, and is removed when the next start has gone well.
#[test]
fn a_copy_of_the_old_file_is_kept_until_the_next_start() {
    let directory = old();
    let before = fs::read(directory.path().join("chat.db")).unwrap();
    let log = open(directory.path());
    assert_eq!(fs::read(copy_of(directory.path())).unwrap(), before);
    drop(log);
    // A start that fails leaves it.
    let busy = crate::directory::Directory::take(directory.path(), &Options::default()).unwrap();
    assert!(SqliteLog::open(directory.path(), Options::default()).is_err());
    assert!(copy_of(directory.path()).exists());
    drop(busy);
    let log = open(directory.path());
    assert!(!copy_of(directory.path()).exists());
    check(&log, "at the second start");
    // With the copy in its place all of it can be done again.
    drop(log);
    let directory = old();
    drop(open(directory.path()));
    fs::rename(copy_of(directory.path()), directory.path().join("chat.db")).unwrap();
    check(&open(directory.path()), "from the copy");
}

/// What an unclean end left in the write-ahead log belongs to the old database.
#[test]
fn what_is_in_the_write_ahead_log_is_migrated_and_copied() {
    let (directory, crashed) = (old(), tempdir().unwrap());
    let db = Connection::open(directory.path().join("chat.db")).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.execute_batch(
        "DELETE FROM entries WHERE room = (SELECT id FROM rooms WHERE name = 'Lobby') AND seq = 7",
    )
    .unwrap();
    for file in ["chat.db", "chat.db-wal"] {
        fs::copy(directory.path().join(file), crashed.path().join(file)).unwrap();
    }
    drop(db);
    assert!(fs::metadata(crashed.path().join("chat.db-wal")).unwrap().len() > 0);
    let log = open(crashed.path());
    assert_eq!(texts(&log, "lobby").len(), 6);
    let copied = Connection::open(copy_of(crashed.path())).unwrap();
    let rows = "SELECT count(*) FROM entries JOIN rooms ON room = rooms.id WHERE name = 'Lobby'";
    assert_eq!(copied.query_one(rows, [], |row| row.get::<_, i64>(0)).unwrap(), 6);
}

/// Killed at any moment of the migration: the next start finds the old database or the new one.
#[test]
fn a_migration_that_is_killed_is_done_by_the_next_start() {
    let (directory, killed) = (old(), tempdir().unwrap());
    let path = directory.path().join("chat.db");
    let mut db = Connection::open(&path).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    migrate::migrate(&mut db, &path, 2).unwrap();
    // While the connection is open all of it is in the write-ahead log; a kill leaves any part of that.
    let (database, wal) = (fs::read(&path).unwrap(), fs::read(directory.path().join("chat.db-wal")).unwrap());
    let mut versions = std::collections::BTreeSet::new();
    for end in (0..=wal.len()).step_by(4111).chain([wal.len()]) {
        for file in ["chat.db-shm", "chat.db.v2"] {
            let _ = fs::remove_file(killed.path().join(file));
        }
        fs::write(killed.path().join("chat.db"), &database).unwrap();
        fs::write(killed.path().join("chat.db-wal"), &wal[..end]).unwrap();
        check(&open(killed.path()), &format!("killed after {end} of {}", wal.len()));
        versions.insert(copy_of(killed.path()).exists());
    }
    assert_eq!(versions.len(), 2, "some were killed before the commit, and one after");
}

/// No space: the old database is as it was, and says so in one line.
#[test]
fn without_space_nothing_is_changed() {
    let directory = old();
    let path = directory.path().join("chat.db");
    let mut db = Connection::open(&path).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    db.pragma_update(None, "max_page_count", pages + 2).unwrap();
    let error = migrate::migrate(&mut db, &path, 2).unwrap_err();
    assert!(matches!(error, OpenError::NoSpaceToMigrate { .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old_%' OR name = 'state'";
    assert_eq!(db.query_one(tables, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    drop(db);
    check(&open(directory.path()), "once there is space");
}

/// A damaged row stays damaged, and the rest goes on.
#[test]
fn what_was_damaged_stays_damaged() {
    for change in [
        "UPDATE entries SET text = 'forged' WHERE seq = 3 AND room = 1",
        "UPDATE entries SET sender = 'bob' WHERE seq = 3 AND room = 1",
        "UPDATE entries SET kind = 1 WHERE seq = 3 AND room = 1",
        "UPDATE entries SET kind = 9 WHERE seq = 3 AND room = 1",
        "UPDATE entries SET client = x'00' WHERE seq = 3 AND room = 1",
        "UPDATE entries SET text = CAST(x'ff00fe' AS TEXT) WHERE seq = 3 AND room = 1",
        "UPDATE entries SET hash = hash + 1 WHERE seq = 3 AND room = 1",
        "DELETE FROM entries WHERE seq = 3 AND room = 1",
    ] {
        let directory = old();
        tamper(directory.path(), change);
        let log = open(directory.path());
        let numbers: Vec<u64> = page(&log, "lobby", 0).entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 6, 7], "{change}");
        let known = append(&log, vec![say("lobby", 1, "tea at 0")]).unwrap();
        assert!(matches!(known[0], Outcome::Known(it) if it.seq == 1), "{change}");
        talk(&log, "lobby", 1001..=1001);
    }
    for (change, standing) in [
        ("UPDATE rooms SET head = 900 WHERE id = 1", (1, 7)),
        ("UPDATE rooms SET hash = 0 WHERE id = 1", (1, 7)),
    ] {
        let directory = old();
        tamper(directory.path(), change);
        let log = open(directory.path());
        let state = state(&log, "lobby").unwrap();
        assert_eq!((state.oldest, state.head), standing, "{change}");
        assert!(!log.holds(&name("lobby"), OLD[2], 1), "{change}: its past is unknown");
    }
    let directory = old();
    tamper(directory.path(), "UPDATE topics SET text = 'forged'");
    assert!(block_on(open(directory.path()).rooms()).unwrap().iter().all(|it| it.state.topic().is_empty()));
}

/// A database that cannot be read to its end is refused, and is as it was.
#[test]
fn a_damaged_database_is_refused_whole() {
    let directory = old();
    tamper(directory.path(), "CREATE TABLE state (in_the_way)");
    let path = directory.path().join("chat.db");
    let before = fs::read(&path).unwrap();
    let error = SqliteLog::open(directory.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Migration { found: 2, .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    let version = |path: &Path| {
        Connection::open(path)
            .unwrap()
            .pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))
            .unwrap()
    };
    assert_eq!(version(&path), 2);
    assert_eq!(fs::read(copy_of(directory.path())).unwrap().len(), before.len());
    // What stood in the way is gone, and it is done.
    tamper(directory.path(), "DROP TABLE state");
    check(&open(directory.path()), "at last");
    assert_eq!(version(&path), VERSION);
}

/// The first version had no index of words.
#[test]
fn the_first_version_is_migrated_too() {
    let directory = old();
    tamper(directory.path(), "DROP TABLE words; DROP TABLE indexed; PRAGMA user_version = 1");
    let log = open(directory.path());
    check(&log, "from version 1");
    assert!(migrate::copy_path(&directory.path().join("chat.db"), 1).exists());
    let query = chat_core::words::Query::parse("tea").unwrap();
    let search = Search { query, room: None, from: None, since: None, before: None, limit: 100 };
    assert_eq!(block_on(log.search(search)).unwrap().hits.len(), 3);
    drop((log, connection::reading(&directory.path().join("chat.db")).unwrap()));
    drop(open(directory.path()));
    assert!(!migrate::copy_path(&directory.path().join("chat.db"), 1).exists());
}
