//! Delivers messages to a hundred readers, and does nothing else: `hot-path MESSAGES`. What its instructions are counted
//! for, in `tests/tests/it/hot_path.rs`.
#![expect(clippy::print_stdout, reason = "a program that says what it did")]

use std::process::ExitCode;

use chat_testkit::{crowded_room::CrowdedRoom, virtual_time::VirtualTime};

fn main() -> ExitCode {
    let Some(messages) = std::env::args().nth(1).and_then(|it| it.parse::<u64>().ok()) else {
        return ExitCode::from(2);
    };
    let time = VirtualTime::new(1);
    let deliveries = time.run(async {
        let mut room = CrowdedRoom::open(&time, READERS).await;
        for _ in 0..messages / AT_ONCE {
            room.say(AT_ONCE).await;
        }
        room.deliveries()
    });
    time.end();
    println!("{deliveries}");
    ExitCode::SUCCESS
}

const READERS: usize = 100;
/// As many as come together on a busy server.
const AT_ONCE: u64 = 10;
