//! Bytes from hell over TCP: each gets its error or a closed link, and nobody else notices.

use std::time::{Duration, Instant};

use chat_core::{
    transport::MAX_LINK_FRAME,
    wire::{self, Code, Event, MAX_FRAME, Post, Request},
};

use super::harness::{PATIENCE, Raw, Server, eventually, framed};

/// A server with someone well-behaved on it all along, and the memory it needs when warm.
struct Scene {
    server: Server,
    honest: Raw,
    said: u64,
    memory: u64,
    sockets: usize,
}

impl Scene {
    fn open() -> Scene {
        let server = Server::start(&["--unlimited"]);
        let mut honest = server.raw();
        honest.hello("honest");
        honest.reply(1, r#"{"type":"join","id":1,"room":"hall"}"#);
        // A few of everything, so that what is measured later is growth and not the first use.
        for number in 0..50 {
            server.raw().hello(&format!("warm{number}"));
        }
        let mut scene = Scene { sockets: 0, memory: 0, said: 0, server, honest };
        scene.chat();
        scene.sockets = eventually("the first ones are gone", PATIENCE, || {
            let sockets = scene.server.sockets();
            (sockets < 10).then_some(sockets)
        });
        scene.memory = scene.server.memory();
        scene
    }

    /// The honest one says something and reads it, in no time.
    fn chat(&mut self) {
        let begun = Instant::now();
        self.said += 1;
        let id = 1 + self.said;
        let text = format!("still here {}", self.said);
        let say = Request::new(id, Post::say("hall", text.clone()));
        assert!(self.honest.ask(&say), "the honest one is cut");
        loop {
            match self.honest.event().expect("the honest one is cut") {
                Event::Entry(entry) if entry.body.text == text => break,
                _ => {}
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "the honest one has to wait {:?}", begun.elapsed());
    }

    /// The server has let go of every hostile connection, and of the memory.
    fn close(mut self) {
        self.chat();
        let (server, sockets) = (&self.server, self.sockets);
        eventually("all sockets are closed", PATIENCE, || (server.sockets() <= sockets).then_some(()));
        let grown = self.server.memory().saturating_sub(self.memory);
        assert!(grown < MEMORY_SLACK, "the server has {grown} bytes more than before");
        assert!(!self.server.log().contains("panic"), "{}", self.server.log());
    }
}

/// protocol 15.3; a length costs nothing before the frame is there
#[test]
fn impossible_lengths_end_the_link() {
    let mut scene = Scene::open();
    for round in 0..125 {
        for (kind, length) in [u32::MAX, 1 << 31, MAX_LINK_FRAME as u32 + 1, 0].into_iter().enumerate() {
            let mut raw = scene.server.raw();
            if round % 2 == 0 {
                raw.hello(&format!("x{round}-{kind}"));
            }
            raw.send(length.to_be_bytes());
            let events = raw.rest();
            assert!(events.iter().all(|it| matches!(it, Event::Error(_))), "{length}: {events:?}");
        }
        if round % 25 == 0 {
            scene.chat();
        }
    }
    scene.close();
}

/// protocol 2.3, protocol 15.4; and half a frame holds no more memory than it has bytes
#[test]
fn halves_of_frames_are_waited_for_so_long_and_no_longer() {
    let mut scene = Scene::open();
    let begun = Instant::now();
    let mut half = (MAX_FRAME as u32).to_be_bytes().to_vec();
    half.extend_from_slice(br#"{"type":"say""#);
    let mut strangers: Vec<Raw> = (0..200).map(|_| scene.server.raw()).collect();
    let mut members: Vec<Raw> = (0..100).map(|_| scene.server.raw()).collect();
    for (number, member) in members.iter_mut().enumerate() {
        member.hello(&format!("half{number}"));
    }
    for raw in strangers.iter_mut().chain(&mut members) {
        assert!(raw.send(&half));
    }
    scene.chat();
    let held = scene.server.memory().saturating_sub(scene.memory);
    assert!(held < 300 * 40 * 1024, "300 halves of frames hold {held} bytes");
    for raw in &mut strangers {
        raw.rest();
    }
    let (first, limit) = (begun.elapsed(), Duration::from_secs(5));
    assert!((limit..limit + SLACK).contains(&first), "strangers are cut after {first:?}");
    scene.chat();
    for raw in &mut members {
        raw.rest();
    }
    let (second, limit) = (begun.elapsed(), Duration::from_secs(10));
    assert!((limit..limit + SLACK).contains(&second), "half frames are cut after {second:?}");
    scene.close();
}

/// protocol 2.3, protocol 15.4; a byte now and then is no progress
#[test]
fn drops_of_bytes_do_not_keep_a_link() {
    let mut scene = Scene::open();
    let begun = Instant::now();
    let mut hello = framed(r#"{"type":"hello","protocol":1,"name":"slow"}"#).into_iter().cycle();
    let mut drippers: Vec<(Raw, Duration)> =
        (0..50).map(|_| (scene.server.raw(), Duration::from_secs(5))).collect();
    for number in 0..50 {
        let mut member = scene.server.raw();
        member.hello(&format!("slow{number}"));
        drippers.push((member, Duration::from_secs(10)));
    }
    while !drippers.is_empty() {
        let byte = hello.next().expect("it goes on for ever");
        drippers.retain_mut(|(dripper, limit)| {
            dripper.send([byte]);
            let alive = dripper.is_silent(Duration::from_millis(1));
            let age = begun.elapsed();
            assert!(alive || age >= *limit, "a link is cut after {age:?} instead of {limit:?}");
            assert!(!alive || age < *limit + SLACK, "a link lives for {age:?} instead of {limit:?}");
            alive
        });
        let mut newcomer = scene.server.raw();
        newcomer.hello("newcomer");
        newcomer.frame(r#"{"type":"bye"}"#);
        newcomer.rest();
        scene.chat();
    }
    scene.close();
}

/// protocol 15.3; each begins with what would be a length of hundreds of megabytes
#[test]
fn other_protocols_are_hung_up_on_at_once() {
    let scene = Scene::open();
    let tls: Vec<u8> = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 506]].concat();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"[..],
        b"POST /chat HTTP/1.1\r\nOrigin: http://evil.example\r\nContent-Length: 9\r\n\r\n{\"a\":1}\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"NICK ana\r\nUSER ana 0 * :ana\r\n",
        &tls,
    ] {
        let begun = Instant::now();
        let mut raw = scene.server.raw();
        raw.send(bytes);
        let events = raw.rest();
        assert!(events.iter().all(|it| matches!(it, Event::Error(_))), "{events:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?} for {:?}", begun.elapsed(), &bytes[..4]);
    }
    scene.close();
}

/// protocol 15.5; nothing is left of connections that end in the worst way
#[test]
fn resets_and_half_closes_leave_nothing_behind() {
    let mut scene = Scene::open();
    for round in 0..500 {
        let mut raw = scene.server.raw();
        match round % 5 {
            0 => {}
            1 => drop(raw.send(&framed(r#"{"type":"hello","protocol":1,"name":"gone"}"#)[..20])),
            2 => drop(raw.frame(format!(r#"{{"type":"hello","protocol":1,"name":"gone{round}"}}"#))),
            3 => {
                raw.hello(&format!("gone{round}"));
                raw.frame(r#"{"type":"join","id":1,"room":"hall"}"#);
                raw.send([0, 0, 1]);
            }
            _ => {
                raw.hello(&format!("gone{round}"));
                raw.end_sending();
                raw.rest();
            }
        }
        raw.reset();
        if round % 100 == 0 {
            scene.chat();
        }
    }
    scene.close();
}

/// protocol 1.1, protocol 1.4, protocol 1.5, protocol 1.6, protocol 1.8, protocol 12.2
#[test]
fn broken_json_is_a_bad_frame() {
    let scene = Scene::open();
    let bomb = "[".repeat(MAX_FRAME);
    let deep = format!(r#"{{"type":"ping","id":1,"x":{}{}}}"#, "[".repeat(8), "]".repeat(8));
    let numbers = format!(r#"{{"type":"ping","id":1,"x":[{}1]"#, "0,".repeat(30_000)); // and no end
    let frames: [&[u8]; 18] = [
        b" ",
        b"null",
        b"[]",
        b"{}",
        b"{\"type\":7}",
        b"\xef\xbb\xbf{\"type\":\"ping\",\"id\":1}",
        b"{\"type\":\"ping\",\"id\":1}x",
        b"{\"type\":\"ping\",\"id\":1,\"id\":2}",
        b"{\"type\":\"ping\",\"id\":NaN}",
        b"{\"type\":\"ping\",\"id\":1,\"x\":1e400}",
        b"{\"type\":\"ping\",\"id\":-0}",
        b"{\"type\":\"ping\",\"id\":9007199254740992}",
        b"{\"type\":\"say\",\"id\":1,\"room\":\"hall\",\"text\":\"\\ud800\"}",
        b"{\"type\":\"say\",\"id\":1,\"room\":\"hall\",\"text\":\"\xff\"}",
        b"{\"type\":\"say\",\"id\":1,\"room\":\"hall\"}",
        bomb.as_bytes(),
        deep.as_bytes(),
        numbers.as_bytes(),
    ];
    for (number, frame) in frames.into_iter().enumerate() {
        let mut raw = scene.server.raw();
        raw.hello(&format!("broken{number}"));
        raw.frame(frame);
        let events = raw.rest();
        let told = matches!(&events[..], [Event::Error(it)] if it.code == Code::BadFrame && it.id.is_none());
        assert!(told, "{}: {events:?}", String::from_utf8_lossy(&frame[..frame.len().min(60)]));
    }
    scene.close();
}

/// protocol 1.2, protocol 1.7, protocol 5.2
#[test]
fn later_versions_are_understood_as_far_as_they_go() {
    let scene = Scene::open();
    let mut raw = scene.server.raw();
    raw.hello("later");
    let pong = raw.reply(1, r#" {"mood":{"a":[1,{"b":"\ud800"}]},"id":1,"type":"ping","x":null} "#);
    assert!(matches!(pong, Event::Pong(_)), "{pong:?}");
    let error = raw.reply(2, r#"{"type":"react","id":2,"emoji":"🦊"}"#);
    assert!(matches!(&error, Event::Error(it) if it.code == Code::Unsupported), "{error:?}");
    drop(raw);
    scene.close();
}

/// Any bytes, in any order, end in an answer or a closed link. The seed makes every run the same.
#[test]
fn frames_broken_at_random_never_hang_the_server() {
    let mut scene = Scene::open();
    let mut rng = fastrand::Rng::with_seed(1);
    for round in 0..400 {
        let mut raw = scene.server.raw();
        raw.hello(&format!("any{round}"));
        for _ in 0..rng.usize(1..6) {
            let mut frame = sample(&mut rng);
            for _ in 0..rng.usize(0..4) {
                break_somewhere(&mut rng, &mut frame);
            }
            if !raw.frame(&frame) {
                break;
            }
        }
        raw.frame(r#"{"type":"bye"}"#);
        raw.rest(); // panics if the server neither answers nor hangs up
        if round % 100 == 0 {
            scene.chat();
        }
    }
    scene.close();
}

fn sample(rng: &mut fastrand::Rng) -> Vec<u8> {
    let id = rng.u64(..=wire::MAX_INTEGER);
    let frame = match rng.u8(0..9) {
        0 => format!(r#"{{"type":"join","id":{id},"room":"hall","after":{}}}"#, rng.u8(..)),
        1 => format!(r#"{{"type":"say","id":{id},"room":"attic","text":"x"}}"#),
        2 => format!(r#"{{"type":"replay","id":{id},"room":"hall","from":{},"to":{id}}}"#, rng.u8(..)),
        3 => format!(
            r#"{{"type":"history","id":{id},"room":"hall","before":{},"limit":{}}}"#,
            rng.u8(..),
            rng.u16(..)
        ),
        4 => format!(r#"{{"type":"tell","id":{id},"to":"honest2","text":"x"}}"#),
        5 => format!(r#"{{"type":"join","id":{id},"room":"@","after":{id}}}"#),
        6 => format!(r#"{{"type":"topic","id":{id},"room":"attic","text":""}}"#),
        7 => r#"{"type":"hello","protocol":1,"name":"again","resume":"AAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
        _ => format!(r#"{{"type":"leave","id":{id},"room":"{}"}}"#, "é".repeat(rng.usize(0..99))),
    };
    frame.into_bytes()
}

fn break_somewhere(rng: &mut fastrand::Rng, frame: &mut Vec<u8>) {
    let at = rng.usize(..frame.len().max(1)).min(frame.len());
    match rng.u8(0..4) {
        0 => frame.truncate(at),
        1 => frame.insert(at, rng.u8(..)),
        2 => frame.extend_from_within(at..),
        _ => {
            if let Some(byte) = frame.get_mut(at) {
                *byte = rng.u8(..);
            }
        }
    }
}

/// How much later than its deadline a link may end, on a machine that does all of these tests at once.
const SLACK: Duration = Duration::from_secs(4);

/// How much memory an allocator may keep although nobody uses it.
const MEMORY_SLACK: u64 = 8 << 20;
