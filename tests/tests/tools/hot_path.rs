//! How many instructions a delivery takes, a page of history, and a list of rooms. Unlike time, that does not depend on
//! what else the machine does.

use std::{fs, process::Command};

use chat_testkit::needs::Need;
use libtest_mimic::Trial;

/// The tests of this module and what they need.
pub fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[Need::Tool("valgrind")] => {
            a_delivery_takes_no_more_instructions_than_it_did,
            a_page_takes_no_more_instructions_than_it_did,
            a_list_of_rooms_takes_no_more_instructions_than_it_did,
        }
    }
}

/// The instructions for each delivery to one of a hundred readers (server, memory transport and reader together), as they
/// were counted when the number was last renewed: as `cargo test` builds and as `cargo test --release` does.
///
/// To renew the numbers, run `cargo test -p chat-tests --test tools hot_path` and write what it prints in here; a compiler
/// may change them as well. Say in the commit why they are more.
const DELIVERY: f64 = if cfg!(debug_assertions) { 4976.0 } else { 1228.0 };

/// The same for each page of 100 entries. Where it was counted for debug builds alone, a release build is well below it.
const PAGE: f64 = 1_452_000.0;

/// The same for each list of rooms, on a server with more rooms than fit a frame. The server encodes a list once a second
/// (protocol 6.10.5), so the count depends on the time after all: it was 552,000, and an encoding during the thirty lists
/// that are counted adds 96,000. Three of them are allowed for; a list that is encoded each time takes 3,400,000.
const LIST: f64 = 840_000.0;

/// How much more is noise: what is random in maps, and which memory functions the processor has.
const MORE: f64 = 1.05;

fn a_delivery_takes_no_more_instructions_than_it_did() {
    check("deliveries", (100, 400), DELIVERY);
}

fn a_page_takes_no_more_instructions_than_it_did() {
    check("pages", (10, 40), PAGE);
}

fn a_list_of_rooms_takes_no_more_instructions_than_it_did() {
    check("lists", (10, 40), LIST);
}

#[expect(clippy::print_stdout, reason = "a person who renews the number reads it")]
fn check(what: &str, (less, more): (u64, u64), recorded: f64) {
    // What comes before is in both counts, and so in neither.
    let ((few, before), (many, after)) = (count(what, less), count(what, more));
    let each = (after - before) as f64 / (many - few) as f64;
    println!("{what}: {each:.0} instructions each; recorded are {recorded}");
    assert!(
        each <= recorded * MORE,
        "{what} take {each:.0} instructions each, {:.0} % more than the {recorded} in tests/tests/tools/hot_path.rs",
        (each / recorded - 1.0) * 100.0
    );
}

/// How often it was done, and the instructions that it and all else took.
fn count(what: &str, times: u64) -> (u64, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .args([env!("CARGO_BIN_EXE_hot-path"), what, &times.to_string()])
        .output()
        .expect("valgrind can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counted = fs::read_to_string(file).expect("valgrind says what it counted");
    let total = counted.lines().find_map(|line| line.strip_prefix("totals: ")).expect("it says the total");
    let done = String::from_utf8_lossy(&output.stdout).trim().parse().expect("it says how often");
    (done, total.trim().parse().expect("a number"))
}
