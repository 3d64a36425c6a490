//! `docs/transports.md` shows the code as it is: each of its blocks is found in the sources.

use std::{fs, path::Path};

#[test]
fn the_guide_quotes_the_sources() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |path: &str| fs::read_to_string(here.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let sources = SOURCES.map(read);
    let guide = read("../../docs/transports.md");
    let blocks = blocks(&guide);
    assert!(blocks.len() >= SOURCES.len(), "the guide lost its code");
    for block in blocks {
        assert!(sources.iter().any(|source| source.contains(block)), "in none of {SOURCES:?}:\n{block}");
    }
}

/// The text between fences that begin with a language; those of the shell are commands and no quotations.
fn blocks(guide: &str) -> Vec<&str> {
    let fenced = guide.split("\n```").skip(1).step_by(2);
    let parts = fenced.map(|it| it.split_once('\n').unwrap_or((it, "")));
    parts.filter(|(language, _)| *language != "sh").map(|(_, block)| block).collect()
}

const SOURCES: [&str; 5] =
    ["Cargo.toml", "src/lib.rs", "src/main.rs", "tests/conformance.rs", "../../chat-core/src/transport.rs"];
