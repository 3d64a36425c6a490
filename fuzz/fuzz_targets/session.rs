//! A server that is asked anything. The body is in `tests/tests/it/hostile/session.rs`.
#![no_main]

#[path = "../../tests/tests/it/hostile/input.rs"]
mod input;
#[path = "../../tests/tests/it/hostile/session.rs"]
mod session;

libfuzzer_sys::fuzz_target!(|data: &[u8]| session::run(data));
