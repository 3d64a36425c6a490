//! What becomes of directories and files, and which are refused.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tempfile::tempdir;

use super::{append, open, say, talk, texts};
use crate::{
    OpenError, Options, SqliteLog,
    schema::{VERSION, check_library},
};

fn refusal(directory: &Path) -> OpenError {
    let error = SqliteLog::open(directory, Options::default()).unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    error
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_missing_is_made_and_nobody_else_can_read_it() {
    let parent = tempdir().unwrap();
    let directory = parent.path().join("a/b");
    let log = open(&directory);
    append(&log, vec![say("lobby", 1, "hi")]).unwrap();
    assert_eq!(mode(&directory), 0o700);
    for file in ["chat.db", "chat.db-wal", "chat.db-shm", "chat.lock"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[test]
fn one_server_at_a_time_has_it() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    talk(&log, "lobby", 1..=2);
    drop(log);
    assert_eq!(texts(&open(directory.path()), "lobby"), ["1", "2"]);
}

#[test]
fn what_is_no_directory_is_refused() {
    let parent = tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(refusal(&file), OpenError::Io { .. }));
    assert!(matches!(refusal(&file.join("below")), OpenError::Io { .. }));
    let nowhere = parent.path().join("nowhere");
    symlink(parent.path().join("missing/too"), &nowhere).unwrap();
    assert!(matches!(refusal(&nowhere), OpenError::Io { .. }));
    let full = parent.path().join("full");
    fs::create_dir_all(full.join("chat.lock")).unwrap();
    assert!(matches!(refusal(&full), OpenError::Io { .. }));
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("chat.db");
    let text = "These are my notes. ".repeat(100);
    fs::write(&file, &text).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::NotOurs { .. }));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::NotOurs { .. }));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_newer_log_is_refused() {
    let directory = tempdir().unwrap();
    drop(open(directory.path()));
    let file = directory.path().join("chat.db");
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let error = refusal(directory.path());
    let OpenError::Newer { found: 999, known, .. } = error else { panic!("{error}") };
    assert_eq!(known, VERSION);
}

#[test]
fn an_sqlite_that_loses_things_is_refused() {
    assert!(check_library(3_051_002, "3.51.2").is_err());
    assert!(check_library(3_051_003, "3.51.3").is_ok());
    assert!(check_library(rusqlite::version_number(), rusqlite::version()).is_ok());
}

/// Other users of the machine are kept out of what they could read or change until now.
#[test]
fn files_that_others_could_read_or_change_are_closed_to_them() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    talk(&log, "lobby", 1..=2);
    drop(log);
    let database = directory.path().join("chat.db");
    for mode in [0o666, 0o644, 0o660] {
        fs::set_permissions(&database, fs::Permissions::from_mode(mode)).unwrap();
        let log = open(directory.path());
        append(&log, vec![say("lobby", u64::from(mode), "hi")]).unwrap();
        for file in ["chat.db", "chat.db-wal", "chat.db-shm"] {
            assert_eq!(self::mode(&directory.path().join(file)), 0o600, "{file} of {mode:o}");
        }
    }
}

/// A link leads to a file that another server may have open, under another lock.
#[test]
fn links_in_the_place_of_files_are_refused_and_left_alone() {
    for name in ["chat.db", "chat.lock", "chat-index.db"] {
        let (directory, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
        let target = elsewhere.path().join("target");
        fs::write(&target, "what is here stays").unwrap();
        symlink(&target, directory.path().join(name)).unwrap();
        let error = refusal(directory.path());
        assert!(matches!(error, OpenError::Link { .. }), "{error}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "what is here stays");
    }
    // The directory itself may be one.
    let (real, links) = (tempdir().unwrap(), tempdir().unwrap());
    let link = links.path().join("data");
    symlink(real.path(), &link).unwrap();
    talk(&open(&link), "lobby", 1..=2);
    assert_eq!(texts(&open(real.path()), "lobby"), ["1", "2"]);
}

/// What is said is refused, rather than stored in a file that is no longer there.
#[test]
fn a_file_that_is_replaced_moved_or_removed_while_it_is_open_takes_nothing_more() {
    type Take = fn(&Path);
    let takes: [Take; 4] = [
        |file| fs::remove_file(file).unwrap(),
        |file| fs::rename(file, file.with_extension("old")).unwrap(),
        |file| {
            let copy = file.with_extension("copy");
            fs::copy(file, &copy).unwrap();
            fs::rename(copy, file).unwrap();
        },
        |file| fs::rename(file.parent().unwrap(), file.parent().unwrap().with_extension("moved")).unwrap(),
    ];
    for (number, take) in takes.into_iter().enumerate() {
        let parent = tempdir().unwrap();
        let directory = parent.path().join("data");
        let log = open(&directory);
        talk(&log, "lobby", 1..=3);
        take(&directory.join("chat.db"));
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut request = 3;
        let why = loop {
            request += 1;
            match append(&log, vec![say("lobby", request, "into nowhere?")]) {
                Err(why) => break why,
                Ok(_) => assert!(Instant::now() < deadline, "{number}: it stores on"),
            }
        };
        assert!(why.to_string().contains("replaced, moved or removed"), "{number}: {why}");
    }
}
