//! Commits that say they have failed: what the log answers is what is stored, then and after a crash.

use std::{fs, path::Path};

use chat_core::log::{LogError, RoomLog};
use tempfile::tempdir;

use super::{append, epoch, name, open, say, state, stored, talk, texts};
use crate::{SqliteLog, command::Fault};

/// What another process finds if this one is gone now.
fn after_a_crash(directory: &Path) -> Vec<String> {
    let copy = tempdir().unwrap();
    for file in ["chat.db", "chat.db-wal"] {
        fs::copy(directory.join(file), copy.path().join(file)).unwrap();
    }
    texts(&open(copy.path()), "a")
}

fn epoch_holds(log: &SqliteLog, seq: u64) -> bool {
    log.holds(&name("a"), &epoch(log, "a"), seq)
}

/// protocol 7.5
#[test]
fn a_commit_that_has_failed_is_refused_and_stays_away() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    talk(&log, "a", 1..=2);
    for round in 0..3 {
        log.fail(Fault::InsteadOfIt);
        let refused = append(&log, vec![say("a", 3 + round, "lost"), say("new", 30, "lost")]);
        assert!(matches!(refused, Err(LogError::Failed(_))), "{refused:?}");
        assert_eq!((state(&log, "a").unwrap().head, state(&log, "new")), (2 + round, None));
        assert!(!epoch_holds(&log, 3 + round));
        assert_eq!(after_a_crash(directory.path()).len() as u64, 2 + round);
        // The number goes to what comes next, also under the name that was refused.
        let outcomes = append(&log, vec![say("a", 3 + round, "kept")]).unwrap();
        assert_eq!(outcomes, [stored(3 + round, 1003 + round)]);
    }
    assert_eq!(after_a_crash(directory.path()), ["1", "2", "kept", "kept", "kept"]);
}

/// protocol 7.5
#[test]
fn a_commit_that_has_not_failed_after_all_is_acknowledged() {
    let directory = tempdir().unwrap();
    let log = open(directory.path());
    talk(&log, "a", 1..=2);
    for round in 0..3 {
        log.fail(Fault::AfterIt);
        let outcomes = append(&log, vec![say("a", 3 + round, "kept"), say("a", 2, "2")]).unwrap();
        assert_eq!(outcomes[0], stored(3 + round, 1003 + round));
        assert!(epoch_holds(&log, 3 + round));
        assert_eq!(after_a_crash(directory.path()).len() as u64, 3 + round);
    }
    assert_eq!(append(&log, vec![say("a", 9, "9")]).unwrap(), [stored(6, 1009)]);
}
