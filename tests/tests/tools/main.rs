//! Tests that need a tool or a permission which a machine may lack: network namespaces, Python, valgrind, strace, tshark.
//! Where it is missing they are ignored, and the last lines say which tests and why.
#![allow(clippy::unwrap_used)]

mod faults;
#[allow(dead_code, unused_imports, reason = "each of the two targets uses a part of it")]
#[path = "../harness/harness.rs"]
mod harness;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod hot_path;
mod lan;
mod readme;
mod wireshark;

use std::process::ExitCode;

fn main() -> ExitCode {
    let trials = [faults::trials(), hot_path(), lan::trials(), readme::trials(), wireshark::trials()];
    chat_testkit::needs::run(trials.into_iter().flatten().collect())
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn hot_path() -> Vec<libtest_mimic::Trial> {
    hot_path::trials()
}

/// Instructions are counted for one kind of processor alone.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn hot_path() -> Vec<libtest_mimic::Trial> {
    Vec::new()
}
