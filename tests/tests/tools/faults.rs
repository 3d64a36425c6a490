//! Faults of processes and disks, a few of each; `cargo run --release -p chat-tests --example faults` does many.

use std::{
    path::Path,
    sync::{Arc, mpsc::sync_channel},
    thread,
    time::Duration,
};

use chat_cli::Pool;
use chat_core::log::RoomLog;
use chat_sqlite::{Options, SqliteLog};
use chat_testkit::needs::{Need, trial_that_looks};
use chat_tests::faults::{self, Bench, Flips, Found};
use libtest_mimic::Trial;

use crate::harness::program;

/// The tests of this module and what they need, as far as it can be seen before they begin.
pub fn trials() -> Vec<Trial> {
    let trial = |name: &str, needs, test: fn() -> Result<(), String>| {
        trial_that_looks(&format!("tools::faults::{name}"), needs, test)
    };
    vec![
        trial("what_was_acknowledged_survives_kills", &[], what_was_acknowledged_survives_kills),
        trial(
            "what_was_acknowledged_survives_power_cuts",
            &[Need::Tool("mkfs.ext4"), Need::Tool("losetup"), Need::Tool("python3")],
            what_was_acknowledged_survives_power_cuts,
        ),
        trial("a_write_that_fails_loses_nothing", &[Need::Tool("strace")], a_write_that_fails_loses_nothing),
        trial("a_full_disk_is_told_and_does_not_last", &[], a_full_disk_is_told_and_does_not_last),
        trial(
            "damaged_files_are_never_read_wrong_by_anybody",
            &[],
            damaged_files_are_never_read_wrong_by_anybody,
        ),
        trial(
            "a_slow_disk_costs_time_and_nothing_else",
            &[Need::Tool("strace")],
            a_slow_disk_costs_time_and_nothing_else,
        ),
    ]
}

/// protocol 7.5, protocol 5.4
fn what_was_acknowledged_survives_kills() -> Result<(), String> {
    check(|bench| faults::kill(bench, 5, 1))
}

/// protocol 7.5, protocol 6.4
fn what_was_acknowledged_survives_power_cuts() -> Result<(), String> {
    check(|bench| faults::power(bench, 2, 1))
}

/// protocol 7.5, protocol 5.6
fn a_write_that_fails_loses_nothing() -> Result<(), String> {
    [2, 9, 40].into_iter().try_for_each(|n| check(move |bench| faults::errors(bench, n..=n, n as u64)))
}

/// protocol 5.6
fn a_full_disk_is_told_and_does_not_last() -> Result<(), String> {
    check(|bench| faults::full(bench, 2, 1))
}

/// protocol 6.5
fn damaged_files_are_never_read_wrong_by_anybody() -> Result<(), String> {
    check(|bench| faults::flips(bench, Flips { flips: 30, cuts: 10, served: 4, entries: 600 }, 1))
}

/// protocol 7.1, protocol 5.4
fn a_slow_disk_costs_time_and_nothing_else() -> Result<(), String> {
    check(|bench| faults::slow(bench, Duration::from_millis(150), 1))
}

/// Does harm and holds what is found to the rules; returns what the machine lacks to do it.
fn check(fault: impl FnOnce(&Bench) -> Found + Send + 'static) -> Result<(), String> {
    let scratch = tempfile::tempdir().unwrap();
    let bench = Bench {
        program: program().to_owned(),
        scratch: scratch.path().to_owned(),
        runtime: Arc::new(Pool),
        transports: chat_cli::standard(),
        open,
        say: |_| {},
    };
    let (done, found) = sync_channel(1);
    let thread = thread::spawn(move || done.send(fault(&bench)));
    let Ok(found) = found.recv_timeout(DEADLINE) else {
        assert!(thread.is_finished(), "not within {DEADLINE:?}");
        std::panic::resume_unwind(thread.join().unwrap_err());
    };
    match found {
        Found::Skipped(missing) => Err(missing),
        Found::Done { figures, broken } => {
            assert!(broken.is_empty(), "{figures}: {broken:#?}");
            Ok(())
        }
    }
}

fn open(directory: &Path) -> Result<Box<dyn RoomLog>, String> {
    match SqliteLog::open(directory, Options::default()) {
        Ok(log) => Ok(Box::new(log)),
        Err(error) => Err(error.to_string()),
    }
}

/// Each takes a few seconds where nothing else runs.
const DEADLINE: Duration = Duration::from_secs(120);
