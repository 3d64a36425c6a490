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
use chat_tests::faults::{self, Bench, Flips, Found};

use crate::e2e::harness::program;

/// protocol 7.5, protocol 5.4
#[test]
fn what_was_acknowledged_survives_kills() {
    check(|bench| faults::kill(bench, 5, 1));
}

/// protocol 7.5, protocol 6.4
#[test]
fn what_was_acknowledged_survives_power_cuts() {
    check(|bench| faults::power(bench, 2, 1));
}

/// protocol 7.5, protocol 5.6
#[test]
fn a_write_that_fails_loses_nothing() {
    for n in [2, 9, 40] {
        check(move |bench| faults::errors(bench, n..=n, n as u64));
    }
}

/// protocol 5.6
#[test]
fn a_full_disk_is_told_and_does_not_last() {
    check(|bench| faults::full(bench, 2, 1));
}

/// protocol 6.5
#[test]
fn damaged_files_are_never_read_wrong_by_anybody() {
    check(|bench| faults::flips(bench, Flips { flips: 30, cuts: 10, served: 4, entries: 600 }, 1));
}

/// protocol 7.1, protocol 5.4
#[test]
fn a_slow_disk_costs_time_and_nothing_else() {
    check(|bench| faults::slow(bench, Duration::from_millis(150), 1));
}

#[allow(clippy::print_stdout, reason = "who reads the tests' output learns what they could not do")]
fn check(fault: impl FnOnce(&Bench) -> Found + Send + 'static) {
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
        Found::Skipped(why) => println!("skipped: {why}"),
        Found::Done { figures, broken } => assert!(broken.is_empty(), "{figures}: {broken:#?}"),
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
