//! The tests of the whole: transports and logs against their suites, bad weather, the program as people run it, and the house
//! rules. One binary, as each one more is linked anew. Tests that need a tool are in the target `tools` beside this one.
#![allow(clippy::unwrap_used)]

mod conformance;
mod e2e;
#[allow(dead_code, unused_imports, reason = "each of the two targets uses a part of it")]
#[path = "../harness/harness.rs"]
mod harness;
mod hostile;
mod logs;
mod measure;
mod protocol;
mod simulation;
mod tidy;
mod weather;

use harness::runtime;
