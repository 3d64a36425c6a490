//! Datagrams that come to the sockets of a server and a client. The body is in `tests/tests/it/hostile/datagrams.rs`.
#![no_main]

#[path = "../../tests/tests/it/hostile/datagrams.rs"]
mod datagrams;
#[path = "../../tests/tests/it/hostile/input.rs"]
mod input;
#[path = "../../tests/tests/it/hostile/network.rs"]
mod network;

libfuzzer_sys::fuzz_target!(|data: &[u8]| datagrams::run(data));
