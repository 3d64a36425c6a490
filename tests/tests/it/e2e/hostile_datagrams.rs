//! Datagrams from hell: none is answered that has no right to it, and people who talk meanwhile notice nothing.

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use chat_core::wire::{Event, MAX_FRAME};
use futures::{executor::block_on, future::join};

use super::harness::{Heard, Person, RawUdp, Server, say};

/// protocol 15.13, protocol 17.9, protocol 12.2
#[test]
fn people_talk_on_among_hostile_datagrams() {
    let server = Server::at(&["udp://127.0.0.1:0"], &["--unlimited"]);
    let mut member = RawUdp::connect(server.udp_port());
    assert!(matches!(member.hello(r#""name":"mallory""#), Event::Welcome(_)));
    let (before, ended) = (server.memory(), AtomicBool::new(false));
    let slowest = thread::scope(|scope| {
        for seed in 0..3 {
            let (port, member, ended) = (server.udp_port(), &member, &ended);
            scope.spawn(move || attack(port, member, seed, ended));
        }
        let slowest = block_on(talk(&server));
        ended.store(true, Ordering::Relaxed);
        slowest
    });
    assert!(slowest < Duration::from_secs(5), "somebody had to wait {slowest:?}");
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "the server has {grown} bytes more than before");
    let log = server.log();
    assert!(!log.contains("panic") && log.lines().count() < 100, "{log}");
}

/// Two people say this and that, one after the other; gives the longest time one had to wait for the other.
async fn talk(server: &Server) -> Duration {
    let mut ana = Person::joined(server.address(), "ana", 1, "hall").await;
    let mut bob = Person::joined(server.address(), "bob", 2, "hall").await;
    let mut slowest = Duration::ZERO;
    for number in 0..TEXTS {
        let begun = Instant::now();
        let text = number.to_string();
        let speaker = if number % 2 == 0 { &mut ana } else { &mut bob };
        speaker.remote.ask(say("hall", &text), 1).await.expect("the conversation goes on");
        let (by_ana, by_bob) = join(ana.updates.entries(1), bob.updates.entries(1)).await;
        for read in [by_ana, by_bob] {
            assert_eq!((read[0].seq, &read[0].body.text), (number + 1, &text));
        }
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

/// Sends this and that, the same for the same seed, as long as it is let and at most [`ATTACKS`] datagrams.
fn attack(port: u16, member: &RawUdp, seed: u64, ended: &AtomicBool) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let mut buffer = [0; 65_536];
    for _ in 0..ATTACKS {
        if ended.load(Ordering::Relaxed) {
            return;
        }
        let datagram = hostile(&mut dice, member);
        if dice.bool() {
            member.send(&datagram);
        } else {
            let _ = stranger.send_to(&datagram, (Ipv4Addr::LOCALHOST, port)); // lost, then
        }
        thread::sleep(Duration::from_millis(1)); // not a flood: that a queue can be filled is no news
        // A stranger gets a challenge or nothing, and never more than was sent.
        stranger.set_nonblocking(true).expect("a socket can be set");
        while let Ok((len, _)) = stranger.recv_from(&mut buffer) {
            let answer = String::from_utf8_lossy(&buffer[..len]);
            let is_known =
                answer.starts_with(r#"{"type":"challenge""#) || answer.starts_with(r#"{"type":"gone""#);
            assert!(is_known && len <= 80, "a stranger is told {answer}");
        }
    }
}

/// What port scanners, broken clients and attackers send.
fn hostile(dice: &mut fastrand::Rng, member: &RawUdp) -> Vec<u8> {
    let frame = match dice.u8(..10) {
        0 => return Vec::new(),
        1 => {
            let mut bytes = vec![0; dice.usize(..2000)];
            dice.fill(&mut bytes);
            return bytes;
        }
        2 => return vec![dice.u8(..); MAX_FRAME],
        3 => return b"\x00\x00\x10\x10\x00\x00\x00\x00version\x04bind".to_vec(), // a scan for DNS
        4 => return b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/UDP nm\r\n\r\n".to_vec(),
        5 => r#"{"type":"hello","protocol":1,"name":"x","client":"AAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
        6 => format!(r#"{{"type":"ping","id":1,"link":"{:022}"}}"#, dice.u64(..)),
        7 => format!(
            r#"{{"type":"say","id":{},"room":"hall","text":"x","link":"{}"}}"#,
            dice.u32(..),
            member.link
        ),
        8 => format!(r#"{{"type":"bye","link":"{}x"}}"#, member.link),
        _ => format!("{}{}", r#"{"type":"join","id":1,"x":"#, "[".repeat(dice.usize(..60_000))),
    };
    let mut bytes = frame.into_bytes();
    match dice.u8(..3) {
        0 => bytes.truncate(dice.usize(..bytes.len())),
        1 => {
            let at = dice.usize(..bytes.len());
            bytes[at] ^= 1 << dice.u8(..8);
        }
        _ => {}
    }
    bytes
}

const TEXTS: u64 = 200;
const ATTACKS: usize = 20_000;
