//! A reader that stops reading costs the others nothing, the server little, and itself only time.

use std::time::{Duration, Instant};

use futures::{StreamExt, executor::block_on, future::join};
use nix::sys::signal::Signal;

use super::harness::{Heard, Person, Process, Server, entry, eventually, say};
use crate::runtime::in_time;

/// protocol 11.8, protocol 12.5
#[test]
fn a_stopped_reader_misses_nothing_that_is_held() {
    let server = Server::start(&["--unlimited"]);
    let mut stopped = Process::join(server.url(), "stopped", "hall");
    stopped.signal(Signal::SIGSTOP);
    let before = server.memory();
    block_on(say_twenty_megabytes_to_someone_healthy(&server));
    let grown = server.memory().saturating_sub(before);
    let said = (TEXTS * TEXT_BYTES) as u64;
    assert!(grown < said + SLACK, "the log holds {said} bytes, the server has {grown} more");
    wait_until_cut(&server);
    stopped.signal(Signal::SIGCONT);
    let read = read_on(&mut stopped);
    assert_eq!(read.gone, 0, "everything is still held");
    assert!(read.was_cut, "it was cut, and came back");
}

/// protocol 6.5, protocol 11.8, protocol 12.5
#[test]
fn a_stopped_reader_is_told_what_is_no_longer_held() {
    let server = Server::start(&["--unlimited", "--memory-limit", "4MiB"]);
    let mut stopped = Process::join(server.url(), "stopped", "hall");
    stopped.signal(Signal::SIGSTOP);
    let before = server.memory();
    block_on(say_twenty_megabytes(&server));
    let grown = server.memory().saturating_sub(before);
    assert!(grown < SLACK, "the log holds 4 MiB, the server has {grown} bytes more");
    wait_until_cut(&server);
    stopped.signal(Signal::SIGCONT);
    let read = read_on(&mut stopped);
    assert!(read.was_cut, "it was cut, and came back");
    assert!((TEXTS / 2..TEXTS).contains(&read.gone), "{} of {TEXTS} are gone", read.gone);
}

/// Says it all, and has somebody else read it meanwhile.
async fn say_twenty_megabytes_to_someone_healthy(server: &Server) {
    let mut healthy = Person::joined(server.address(), "healthy", 1, "hall").await;
    let reading = async {
        let read = healthy.updates.entries(TEXTS).await;
        assert!(read.iter().map(|it| it.seq).eq(1..=TEXTS as u64), "each once and in order");
    };
    let begun = Instant::now();
    join(say_twenty_megabytes(server), reading).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "a stopped reader holds up the others");
}

async fn say_twenty_megabytes(server: &Server) {
    let Person { mut remote, mut updates } = Person::joined(server.address(), "talker", 2, "hall").await;
    let text = "x".repeat(TEXT_BYTES);
    let saying = async {
        for _ in 0..TEXTS {
            remote.ask(say("hall", &text), 1).await.expect("the conversation goes on");
        }
    };
    let reading = async {
        for _ in 0..TEXTS {
            updates.expect("entry", entry).await;
        }
    };
    join(saying, reading).await;
    drop(remote); // says bye
    in_time(async { while updates.next().await.is_some() {} }).await;
}

/// Waits until nobody but the stopped reader was connected, and then not even that one.
fn wait_until_cut(server: &Server) {
    let listening_alone = || (server.sockets() <= listening_sockets()).then_some(());
    eventually("the stopped reader is cut", Duration::from_secs(30), listening_alone);
}

/// How many sockets an idle server has.
fn listening_sockets() -> usize {
    static IDLE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *IDLE.get_or_init(|| Server::start(&[]).sockets())
}

/// What a reader was told until it had caught up.
struct Read {
    /// How many numbers it was told are gone.
    gone: usize,
    /// Whether its link was lost and its session resumed.
    was_cut: bool,
}

/// Reads to the end, and checks that every number comes once and in order, or is said to be gone.
fn read_on(reader: &mut Process) -> Read {
    let (mut read, mut next) = (Read { gone: 0, was_cut: false }, 1);
    while next <= TEXTS as u64 {
        reader.expect("event", |event| {
            let number = |field: &str| event[field].as_u64().expect("a number");
            match event["type"].as_str()? {
                "message" => {
                    assert_eq!(number("seq"), next, "each once and in order");
                    next += 1;
                }
                "gap" => {
                    assert_eq!(number("from"), next, "a gap begins where reading stopped");
                    read.gone += (number("to") + 1 - next) as usize;
                    next = number("to") + 1;
                }
                "connected" => read.was_cut |= event["resumed"] == true,
                "reset" => panic!("the log is the same: {event}"),
                _ => {}
            }
            Some(())
        });
    }
    read
}

const TEXTS: usize = 2600;
const TEXT_BYTES: usize = 8000;

/// What a server may need for 20 MB passing through it, less what its log holds.
const SLACK: u64 = 16 << 20;
