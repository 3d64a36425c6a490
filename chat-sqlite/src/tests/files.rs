//! What becomes of directories and files, and which are refused.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
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
