//! A client that is told anything. The body is in `tests/tests/it/hostile/client.rs`.
#![no_main]

#[path = "../../tests/tests/it/hostile/client.rs"]
mod client;
#[path = "../../tests/tests/it/hostile/input.rs"]
mod input;

libfuzzer_sys::fuzz_target!(|data: &[u8]| client::run(data));
