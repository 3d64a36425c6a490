//! What the attacking host does. Each attack is what is sent over one link after `hello`, again and again, at full speed.

use std::{
    env,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use super::{
    people::{connect, write},
    server::{ADDRESS, PASSWORD},
};

/// How many processes attack.
pub const PROCESSES: usize = 4;
/// How many links each of them has, which makes the 64 that one host may have.
const LINKS: usize = 16;
/// Set in an attacking process: for how long, and its number.
pub const SECONDS: &str = "CHAT_ATTACK_SECONDS";
pub const NUMBER: &str = "CHAT_ATTACK_NUMBER";

/// One thing that a host can do.
#[derive(Debug)]
pub struct Attack {
    pub name: &'static str,
    /// How many steps one session lasts; 0 is for ever.
    steps: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The frames of one step of a session, for the numbers of link and step.
    Session(fn(u64, u64) -> Vec<String>),
    /// Bytes that are sent on a link that has no session.
    Stranger(fn(u64) -> Vec<u8>),
    /// Datagrams.
    Datagram(fn(u64) -> Vec<u8>),
}

pub const ATTACKS: &[Attack] = &[
    Attack { name: "nothing", steps: 0, kind: Kind::Session(|_, _| Vec::new()) },
    Attack {
        name: "messages",
        steps: 2,
        kind: Kind::Session(|link, step| said(link, step, &"word ".repeat(1600))),
    },
    Attack { name: "short", steps: 2, kind: Kind::Session(|link, step| said(link, step, "x")) },
    Attack {
        name: "chinese",
        steps: 2,
        kind: Kind::Session(|link, step| said(link, step, &chinese(link * 7919 + step))),
    },
    Attack { name: "office", steps: 2, kind: Kind::Session(in_the_office) },
    Attack { name: "rooms", steps: 1, kind: Kind::Session(new_rooms) },
    Attack { name: "sessions", steps: 1, kind: Kind::Session(|_, _| Vec::new()) },
    Attack { name: "tells", steps: 2, kind: Kind::Session(tells) },
    Attack { name: "presence", steps: 0, kind: Kind::Session(comes_and_goes) },
    Attack {
        name: "lists",
        steps: 0,
        kind: Kind::Session(|_, step| vec![format!(r#"{{"type":"rooms","id":{step}}}"#)]),
    },
    Attack {
        name: "members",
        steps: 0,
        kind: Kind::Session(|_, step| vec![format!(r#"{{"type":"who","id":{step},"room":"office"}}"#)]),
    },
    Attack { name: "searches", steps: 0, kind: Kind::Session(searches) },
    Attack { name: "reads", steps: 0, kind: Kind::Session(reads) },
    Attack { name: "history", steps: 0, kind: Kind::Session(history) },
    Attack {
        name: "pings",
        steps: 0,
        kind: Kind::Session(|_, step| vec![format!(r#"{{"type":"ping","id":{step}}}"#)]),
    },
    Attack { name: "large", steps: 0, kind: Kind::Session(|_, step| vec![large_ping(step)]) },
    Attack {
        name: "unknown",
        steps: 0,
        kind: Kind::Session(|_, step| vec![format!(r#"{{"type":"dance","id":{step}}}"#)]),
    },
    Attack { name: "guesses", steps: 1, kind: Kind::Stranger(guess) },
    Attack {
        name: "halves",
        steps: 1,
        kind: Kind::Stranger(|_| [&65_000_u32.to_be_bytes()[..], &[b' '; 60_000]].concat()),
    },
    Attack {
        name: "hellos",
        steps: 0,
        kind: Kind::Datagram(|step| format!(r#"{{"type":"hello","protocol":1,"name":"udp{step}"}}"#).into()),
    },
    Attack { name: "garbage", steps: 0, kind: Kind::Datagram(|step| vec![step as u8; 1_200]) },
];

/// Attacks in a process of its own, as its environment says.
pub fn run(name: &str) -> ExitCode {
    let number =
        |key: &str| env::var(key).ok().and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(number(SECONDS));
    let Some(attack) = ATTACKS.iter().find(|attack| attack.name == name) else { return ExitCode::from(2) };
    let links: Vec<_> = (0..LINKS as u64)
        .map(|link| number(NUMBER) * LINKS as u64 + link)
        .map(|link| {
            thread::spawn(move || {
                let mut round = 0;
                while Instant::now() < until && attack.name != "nothing" {
                    // A link that is refused or ended is dialled again.
                    if attack.once(link, round, until).is_err() {
                        thread::sleep(Duration::from_millis(1));
                    }
                    round += 1;
                }
            })
        })
        .collect();
    for link in links {
        let _ = link.join();
    }
    ExitCode::SUCCESS
}

impl Attack {
    /// One link, from its beginning to its end.
    fn once(&self, number: u64, round: u64, until: Instant) -> io::Result<()> {
        if let Kind::Datagram(datagram) = self.kind {
            let socket = UdpSocket::bind((HOST, 0))?;
            socket.connect(ADDRESS)?;
            socket.set_nonblocking(true)?;
            for step in 0..1_000 {
                let _ = socket.send(&datagram(number * 1_000 + step));
                let _ = socket.recv(&mut [0; 2_048]);
            }
            return Ok(());
        }
        let mut link = connect(HOST)?;
        link.set_read_timeout(Some(Duration::from_secs(10)))?;
        link.set_write_timeout(Some(Duration::from_secs(1)))?;
        if let Kind::Stranger(bytes) = self.kind {
            link.write_all(&bytes(round))?;
            let _ = link.read(&mut [0; 4_096])?;
            return Ok(());
        }
        write(
            &mut link,
            &format!(
                r#"{{"type":"hello","protocol":1,"name":"evil{number}.{}","password":"{PASSWORD}"}}"#,
                round % 1_000
            ),
        )?;
        let Kind::Session(frames) = self.kind else { return Ok(()) };
        write(&mut link, r#"{"type":"join","id":1,"room":"office"}"#)?;
        let mut step = 0;
        while Instant::now() < until && (self.steps == 0 || step < self.steps) {
            for frame in frames(number, round * self.steps + step) {
                write(&mut link, &frame)?;
            }
            step += 1;
            drain(&mut link)?;
        }
        write(&mut link, r#"{"type":"bye"}"#)?;
        link.read_to_end(&mut Vec::new()).map(drop)
    }
}

/// Reads what has come, so that the server can go on to send.
fn drain(link: &mut TcpStream) -> io::Result<()> {
    link.set_nonblocking(true)?;
    let mut bytes = [0; 65_536];
    loop {
        match link.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    link.set_nonblocking(false)
}

/// Twenty messages in a room of the link's own.
fn said(link: u64, step: u64, text: &str) -> Vec<String> {
    let mut frames = vec![format!(r#"{{"type":"join","id":2,"room":"loud{link}"}}"#)];
    frames.extend((0..20).map(|number| {
        format!(r#"{{"type":"say","id":{},"room":"loud{link}","text":"{text}"}}"#, step * 100 + number + 10)
    }));
    frames
}

/// Twenty messages in the room of the people.
fn in_the_office(_: u64, step: u64) -> Vec<String> {
    let text = "word ".repeat(1600);
    (0..20)
        .map(|number| {
            format!(r#"{{"type":"say","id":{},"room":"office","text":"{text}"}}"#, step * 100 + number + 10)
        })
        .collect()
}

/// Twenty rooms with a message each.
fn new_rooms(link: u64, step: u64) -> Vec<String> {
    let names = (0..20).map(|number| format!("room{link}.{step}.{number}"));
    names
        .flat_map(|room| {
            [
                format!(r#"{{"type":"join","id":5,"room":"{room}"}}"#),
                format!(r#"{{"type":"say","id":6,"room":"{room}","text":"x"}}"#),
            ]
        })
        .collect()
}

/// Direct messages to one of the people.
fn tells(link: u64, step: u64) -> Vec<String> {
    let (text, to) = ("word ".repeat(1600), link % 20);
    (0..20)
        .map(|number| {
            format!(
                r#"{{"type":"tell","id":{},"to":"person{to}","text":"{text}"}}"#,
                step * 100 + number + 10
            )
        })
        .collect()
}

fn comes_and_goes(_: u64, step: u64) -> Vec<String> {
    vec![
        format!(r#"{{"type":"leave","id":{},"room":"office"}}"#, 2 * step + 2),
        format!(r#"{{"type":"join","id":{},"room":"office"}}"#, 2 * step + 3),
    ]
}

fn searches(_: u64, step: u64) -> Vec<String> {
    vec![format!(r#"{{"type":"search","id":{step},"room":"office","words":"number word a e i o"}}"#)]
}

fn reads(_: u64, step: u64) -> Vec<String> {
    vec![format!(r#"{{"type":"join","id":{step},"room":"office","after":0}}"#)]
}

fn history(_: u64, step: u64) -> Vec<String> {
    vec![format!(r#"{{"type":"history","id":{step},"room":"office","limit":200}}"#)]
}

/// A ping that is as large as a frame may be, with a field of numbers.
fn large_ping(step: u64) -> String {
    format!(r#"{{"type":"ping","id":{step},"numbers":[{}1]}}"#, "1,".repeat(32_000))
}

fn guess(round: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let hello = format!(r#"{{"type":"hello","protocol":1,"name":"guest","password":"guess {round}"}}"#);
    let _ = write(&mut bytes, &hello);
    bytes
}

/// A text of about 8 KiB of Chinese characters, of which no two are alike.
fn chinese(seed: u64) -> String {
    let mut dice = fastrand::Rng::with_seed(seed);
    (0..2_700).map(|_| char::from_u32(dice.u32(0x4e00..0x9000)).unwrap_or('字')).collect()
}

/// The attacking host.
const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 9, 9);
