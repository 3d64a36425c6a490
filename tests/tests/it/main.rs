//! The tests of the whole: transports and logs against their suites, bad weather, the program as people run it, and the house
//! rules. One binary, as each one more is linked anew.
#![allow(clippy::unwrap_used)]

mod conformance;
mod e2e;
mod faults;
mod hostile;
mod hostile_servers;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod hot_path;
mod lan;
mod logs;
mod measure;
mod protocol;
mod readme;
mod runtime;
mod simulation;
mod tidy;
mod weather;
