//! Sends a million datagrams, or as many as its argument says, through bad weather, and says what became of them.
#![allow(clippy::print_stdout)]

#[path = "../tests/it/storm.rs"]
mod storm;

use std::env;

use chat_secure::Suite;

fn main() {
    let count = env::args().nth(1).map_or(1_000_000, |count| count.parse().expect("a number of datagrams"));
    for suite in Suite::ALL {
        let began = std::time::Instant::now();
        let tally = storm::run(count, suite, 1);
        println!("{suite}: {tally:?} in {:?}", began.elapsed());
    }
}
