//! Frames and records between the two ends of an encrypted link. The body is in `tests/tests/it/hostile/secure.rs`.
#![no_main]

#[path = "../../tests/tests/it/hostile/input.rs"]
mod input;
#[path = "../../tests/tests/it/hostile/secure.rs"]
mod secure;

libfuzzer_sys::fuzz_target!(|data: &[u8]| secure::run(data));
