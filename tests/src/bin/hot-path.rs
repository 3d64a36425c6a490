//! One thing many times, and nothing else, so that its instructions can be counted (`tests/tests/tools/hot_path.rs`):
//! `hot-path deliveries|pages|lists COUNT`. Prints how often it was done.
#![expect(clippy::print_stdout, reason = "a program that says what it did")]

use std::{process::ExitCode, sync::Arc};

use chat_core::{
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{BoxLink, Transport, Transports},
};
use chat_testkit::{crowded_room::CrowdedRoom, virtual_time::VirtualTime};
use futures::{SinkExt, StreamExt};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (what, count) = match &arguments[..] {
        [what, count] => (what.as_str(), count.parse::<u64>().ok()),
        _ => return ExitCode::from(2),
    };
    let time = VirtualTime::new(1);
    let done = time.run(async {
        match (what, count?) {
            ("deliveries", messages) => {
                let mut room = CrowdedRoom::open(&time, READERS).await;
                for _ in 0..messages / AT_ONCE {
                    room.say(AT_ONCE).await;
                }
                Some(room.deliveries())
            }
            ("pages", count) => {
                let mut link = enter(&time).await;
                for number in 1..=ENTRIES {
                    let text = "what was said some time ago, ".repeat(4);
                    let say = format!(r#"{{"type":"say","id":{number},"room":"r0","text":"{text}"}}"#);
                    ask(&mut link, say, r#"{"type":"message""#).await;
                }
                let history = r#"{"type":"history","id":7,"room":"r0","limit":100}"#;
                for _ in 0..count {
                    ask(&mut link, history.to_owned(), r#"{"type":"page""#).await;
                }
                Some(count)
            }
            ("lists", count) => {
                let mut link = enter(&time).await;
                for room in 1..ROOMS {
                    let join = format!(r#"{{"type":"join","id":{room},"room":"r{room}"}}"#);
                    ask(&mut link, join, r#"{"type":"joined""#).await;
                }
                for _ in 0..count {
                    ask(&mut link, r#"{"type":"rooms","id":7}"#.to_owned(), r#"{"type":"rooms""#).await;
                }
                Some(count)
            }
            _ => None,
        }
    });
    time.end();
    let Some(done) = done else { return ExitCode::from(2) };
    println!("{done}");
    ExitCode::SUCCESS
}

/// A link whose session is in the room `r0` of a server of its own.
async fn enter(time: &VirtualTime) -> BoxLink {
    let limits = Limits { rooms_per_session: usize::MAX, ..Limits::default().unlimited() };
    let log = Arc::new(MemoryLog::new(1 << 24, 7));
    let server = Server::start(Config { limits, ..Config::default() }, log, time.shared()).await;
    let memory = Memory::default();
    let transports = Transports::new().with("memory", memory.clone());
    let address = "memory://server".parse().expect("it is an address");
    let server = server.expect("a log in memory can be read");
    server.listen(&transports, &address).await.expect("the address is free");
    let mut link = memory.dial(&address).await.expect("the server listens");
    let hello = r#"{"type":"hello","protocol":1,"name":"ana"}"#.to_owned();
    ask(&mut link, hello, r#"{"type":"welcome""#).await;
    ask(&mut link, r#"{"type":"join","id":0,"room":"r0"}"#.to_owned(), r#"{"type":"joined""#).await;
    link
}

/// Sends a request and waits for a frame that begins like this.
async fn ask(link: &mut BoxLink, request: String, answer: &str) {
    link.send(request.into()).await.expect("the link is open");
    loop {
        let frame = link.next().await.expect("the link is open").expect("the link is open");
        if frame.starts_with(answer.as_bytes()) {
            return;
        }
    }
}

const READERS: usize = 100;
/// As many messages as come together on a busy server.
const AT_ONCE: u64 = 10;
/// Entries of the room whose pages are read.
const ENTRIES: u64 = 100;
/// Rooms of the server whose rooms are listed: more than fit a frame.
const ROOMS: u64 = 3000;
