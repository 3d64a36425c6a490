//! The tests of the whole: transports against the suite, bad weather, the program as people run it, and the house
//! rules. One binary, as each one more is linked anew.
#![allow(clippy::unwrap_used)]

#[path = "core/asking.rs"]
mod asking;
mod conformance;
mod core;
mod e2e;
#[path = "core/edges.rs"]
mod edges;
#[path = "core/hosts.rs"]
mod hosts;
#[path = "core/late.rs"]
mod late;
mod liars;
#[path = "core/machine.rs"]
mod machine;
mod readme;
#[path = "core/reopened.rs"]
mod reopened;
mod tidy;
mod weather;
mod world;
