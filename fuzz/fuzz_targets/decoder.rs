//! Bytes as streams of frames, and as frames. The body is in `tests/tests/it/hostile/decoder.rs`.
#![no_main]

#[path = "../../tests/tests/it/hostile/decoder.rs"]
mod decoder;
#[path = "../../tests/tests/it/hostile/json.rs"]
mod json;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder::run(data));
