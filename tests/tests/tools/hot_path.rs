//! How many instructions a delivery takes. Unlike time, that does not depend on what else the machine does.

use std::{fs, process::Command};

use chat_testkit::needs::Need;
use libtest_mimic::Trial;

/// The tests of this module and what they need.
pub fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[Need::Tool("valgrind")] => { a_delivery_takes_no_more_instructions_than_it_did }
    }
}

/// What was counted when somebody last looked: instructions for each delivery to one of a hundred readers, server, memory
/// transport and reader together, as `cargo test` builds them and as `cargo test --release` does.
///
/// To renew it, run `cargo test -p chat-tests --test tools hot_path` and write what it prints in here; a
/// compiler may change it as well. Say in the commit why it is more.
const RECORDED: f64 = if cfg!(debug_assertions) { 4976.0 } else { 1228.0 };

/// How much more is noise: what is random in maps, and which memory functions the processor has.
const MORE: f64 = 1.05;

#[expect(clippy::print_stdout, reason = "whoever renews the number reads it")]
fn a_delivery_takes_no_more_instructions_than_it_did() {
    // What comes before the first message is in both, and so in neither.
    let ((few, before), (many, after)) = (count(100), count(400));
    let each = (after - before) as f64 / (many - few) as f64;
    println!("{each:.0} instructions a delivery; recorded are {RECORDED}");
    assert!(
        each <= RECORDED * MORE,
        "a delivery takes {each:.0} instructions, {:.0} % more than the {RECORDED} in tests/tests/tools/hot_path.rs",
        (each / RECORDED - 1.0) * 100.0
    );
}

/// Deliveries, and the instructions that they and all else took.
fn count(messages: u64) -> (u64, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .args([env!("CARGO_BIN_EXE_hot-path"), &messages.to_string()])
        .output()
        .expect("valgrind can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counted = fs::read_to_string(file).expect("valgrind says what it counted");
    let total = counted.lines().find_map(|line| line.strip_prefix("totals: ")).expect("it says the total");
    let deliveries =
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("it says what it delivered");
    (deliveries, total.trim().parse().expect("a number"))
}
