//! Files from another time: whoever saw something that is lost is found out, and nobody else.

use std::{fs, path::Path};

use chat_core::log::RoomLog;
use tempfile::tempdir;

use super::{append, epoch, name, open, say, state, talk, texts};
use crate::{OpenError, SqliteLog};

/// Copies the log as it is now, closed or not.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["chat.db", "chat.db-wal"] {
        let _ = fs::remove_file(to.join(file));
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
    let _ = fs::remove_file(to.join("chat.db-shm"));
}

fn held(log: &SqliteLog, epoch: &str) -> Vec<u64> {
    (1..=20).filter(|seq| log.holds(&name("lobby"), epoch, *seq)).collect()
}

fn upto(seq: u64) -> Vec<u64> {
    (1..=seq).collect()
}

/// protocol 6.4
#[test]
fn after_a_restart_everybody_goes_on() {
    let directory = tempdir().unwrap();
    let mut runs = Vec::new();
    for run in 0..4 {
        let log = open(directory.path());
        talk(&log, "lobby", run * 3 + 1..=run * 3 + 3);
        runs.push((epoch(&log, "lobby"), run * 3 + 3));
        for (epoch, head) in &runs {
            assert_eq!(held(&log, epoch), upto(*head));
        }
    }
}

/// protocol 6.4
#[test]
fn who_saw_what_an_older_copy_does_not_have_begins_anew() {
    let (directory, backup) = (tempdir().unwrap(), tempdir().unwrap());
    let log = open(directory.path());
    talk(&log, "lobby", 1..=4);
    // While it runs: what is in the write-ahead log belongs to the copy.
    copy(directory.path(), backup.path());
    talk(&log, "lobby", 5..=8);
    let first = epoch(&log, "lobby");
    drop(log);
    let log = open(directory.path());
    talk(&log, "lobby", 9..=10);
    let lost = epoch(&log, "lobby");
    drop(log);

    copy(backup.path(), directory.path());
    let log = open(directory.path());
    assert_eq!(state(&log, "lobby").unwrap().head, 4);
    assert_eq!(held(&log, &first), upto(4));
    assert_eq!(held(&log, &lost), upto(0), "a run that it knows nothing of");
    // The numbers are given again, to other things.
    talk(&log, "lobby", 105..=112);
    assert_eq!(
        held(&log, &first),
        upto(4),
        "and who saw the first 5 is not taken for somebody who saw the second"
    );
    assert_eq!(held(&log, &epoch(&log, "lobby")), upto(12));
    let second = epoch(&log, "lobby");
    drop(log);

    // Back to the copy once more: the run before is as strange as the lost one.
    copy(backup.path(), directory.path());
    let log = open(directory.path());
    talk(&log, "lobby", 205..=206);
    assert_eq!((held(&log, &first), held(&log, &second), held(&log, &lost)), (upto(4), vec![], vec![]));
}

/// protocol 6.4
#[test]
fn a_wiped_log_knows_nobody() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    talk(&log, "lobby", 1..=5);
    let read = epoch(&log, "lobby");
    drop(log);
    for file in fs::read_dir(directory.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let log = open(directory.path());
    assert_eq!(held(&log, &read), upto(0));
    assert!(log.holds(&name("lobby"), &read, 0), "who has read nothing has missed nothing");
    talk(&log, "lobby", 1..=7);
    assert_eq!(held(&log, &read), upto(0));
}

/// protocol 6.4: the end of the write-ahead log is lost, at any place.
#[test]
fn a_log_that_was_cut_goes_back_to_a_batch_and_finds_out_who_was_further() {
    let (directory, crashed) = (tempdir().unwrap(), tempdir().unwrap());
    let log = open(directory.path());
    talk(&log, "lobby", 1..=12);
    let read = epoch(&log, "lobby");
    let wal = fs::read(directory.path().join("chat.db-wal")).unwrap();
    let mut heads = std::collections::BTreeSet::new();
    for upto_byte in (0..wal.len()).step_by(1999) {
        copy(directory.path(), crashed.path());
        fs::write(crashed.path().join("chat.db-wal"), &wal[..upto_byte]).unwrap();
        let cut = open(crashed.path());
        let head = state(&cut, "lobby").map_or(0, |it| it.head);
        assert_eq!(held(&cut, &read), upto(head));
        assert_eq!(texts(&cut, "lobby"), upto(head).iter().map(u64::to_string).collect::<Vec<_>>());
        talk(&cut, "lobby", 101..=115);
        assert_eq!(held(&cut, &read), upto(head));
        heads.insert(head);
    }
    assert!(heads.len() > 10, "cuts go through all of it: {heads:?}");
}

/// What a crash leaves: the files as they are while the log is open, in a directory where it never was.
fn crash(from: &Path) -> tempfile::TempDir {
    let crashed = tempdir().unwrap();
    for file in ["chat.db", "chat.db-wal", "chat.lock"] {
        let (from, to) = (from.join(file), crashed.path().join(file));
        fs::copy(&from, &to).unwrap();
        let modified = fs::metadata(from).unwrap().modified().unwrap();
        fs::File::options().write(true).open(to).unwrap().set_modified(modified).unwrap();
    }
    crashed
}

fn refuses(directory: &Path) -> bool {
    matches!(SqliteLog::open(directory, crate::Options::default()), Err(OpenError::OtherFile { .. }))
}

/// The write-ahead log that a crash has left belongs to the file of that time.
#[test]
fn a_copy_that_is_put_back_after_a_crash_is_not_mixed_up_with_the_log_of_the_newer_file() {
    let (directory, copies) = (tempdir().unwrap(), tempdir().unwrap());
    let log = open(directory.path());
    talk(&log, "lobby", 1..=5);
    let source = rusqlite::Connection::open(directory.path().join("chat.db")).unwrap();
    let copy = copies.path().join("copy");
    source.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    drop(source);
    talk(&log, "lobby", 6..=12);
    let crashed = crash(directory.path());
    let again = crash(directory.path());

    // As it is, it goes on.
    let recovered = open(crashed.path());
    assert_eq!(state(&recovered, "lobby").unwrap().head, 12);
    drop(recovered);

    // With another file in its place it is refused as often as it is tried, and nothing is changed.
    fs::copy(&copy, again.path().join("chat.db")).unwrap();
    let before = fs::read(again.path().join("chat.db-wal")).unwrap();
    assert!(refuses(again.path()) && refuses(again.path()));
    assert_eq!(fs::read(again.path().join("chat.db-wal")).unwrap(), before);
    assert_eq!(fs::read(again.path().join("chat.db")).unwrap(), fs::read(&copy).unwrap());
    // What the refusal says helps.
    fs::remove_file(again.path().join("chat.db-wal")).unwrap();
    let restored = open(again.path());
    assert_eq!(texts(&restored, "lobby"), upto(5).iter().map(u64::to_string).collect::<Vec<_>>());
    talk(&restored, "lobby", 101..=103);
    assert_eq!(state(&restored, "lobby").unwrap().head, 8);
}

/// A crash at any time after any checkpoint leaves a log that is opened again.
#[test]
fn a_crash_between_checkpoints_is_never_taken_for_another_file() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    let long = "x".repeat(8000);
    for round in 0..24 {
        for n in 0..150 {
            let some = (0..4).map(|k| say("lobby", round * 1000 + n * 4 + k, &long)).collect();
            append(&log, some).unwrap();
        }
        let Ok(crashed) = std::panic::catch_unwind(|| crash(directory.path())) else { continue };
        let head = state(&log, "lobby").unwrap().head;
        match SqliteLog::open(crashed.path(), crate::Options::default()) {
            Ok(recovered) => assert!(state(&recovered, "lobby").unwrap().head <= head),
            Err(error) => panic!("round {round}: {error}"),
        }
    }
}
