//! A machine between `chat` and its server that changes, cuts, repeats and makes up what passes: each step it could try is
//! noticed, and nothing is said over a link that it has touched (protocol 19, 20).

mod datagrams;
mod proxy;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::Command,
};

use tempfile::TempDir;

use super::{
    commands::TemporaryFile,
    harness::{PATIENCE, Process, Server, framed, program},
};
use proxy::{Act, Direction, Proxy};

/// A server with a password, and the directory in which a user keeps what is known of it.
struct Place {
    server: Server,
    password: TemporaryFile,
    home: TempDir,
}

impl Place {
    fn new(url: &str) -> Place {
        let password = TemporaryFile::with(SECRET);
        let server = Server::at(&[url], &["--password-file", path(&password)]);
        Place { server, password, home: tempfile::tempdir().unwrap() }
    }

    /// Says `text` to the server at `url`, as a user who was told the password: whether it was said, and the errors.
    fn say(&self, url: &str, text: &str) -> (bool, String) {
        let mut command = Command::new(program());
        command.args([
            "send",
            url,
            "--room",
            "lobby",
            "--name",
            "ana",
            "--password-file",
            path(&self.password),
        ]);
        let home = self.home.path();
        command.arg(text).env("XDG_CONFIG_HOME", home).env("XDG_STATE_HOME", home);
        let (status, _, errors) = Process::run(&mut command).exit(PATIENCE);
        (status.success(), errors)
    }

    /// Asserts that the server holds these messages and no others.
    fn holds(&self, texts: &[&str]) {
        let end = "the end";
        assert_eq!(self.say(self.server.url(), end), (true, String::new()));
        let url = self.server.url();
        let args = ["tail", url, "--room", "lobby", "--after", "0", "--json", "--password-file"];
        let mut tail = Process::chat(args.iter().chain(&[path(&self.password)]));
        let held = tail.messages(texts.len() + 1);
        let wanted = texts.iter().chain([&end]).map(ToString::to_string);
        assert!(held.iter().map(|(_, text)| text.clone()).eq(wanted), "{held:?}");
    }
}

fn path(file: &TemporaryFile) -> &str {
    file.0.to_str().expect("a plain path")
}

/// `chat send` through a proxy over TCP that does to each frame what `act` says. It must fail; gives what it says.
fn refused(place: &Place, act: impl Fn(Direction, usize, Vec<u8>) -> Act + Send + Sync + 'static) -> String {
    let proxy = Proxy::start(place.server.port(), act);
    let (said, errors) = place.say(&proxy.url(), "over a link that was touched");
    assert!(!said, "it was said");
    assert!(!errors.is_empty(), "nothing is said about it");
    assert!(!proxy.has_seen(SECRET), "the password crossed the link");
    errors
}

/// The `noise` of a frame of the handshake, with one character replaced.
fn changed(mut frame: Vec<u8>, at: usize) -> Vec<u8> {
    let begin = b"\"noise\":\"";
    let noise = frame.windows(begin.len()).position(|bytes| bytes == begin);
    let noise = noise.expect("it is a frame of the handshake") + begin.len();
    frame[noise + at] = if frame[noise + at] == b'A' { b'B' } else { b'A' };
    frame
}

/// protocol 19.3, 19.4, 19.7
#[test]
fn a_frame_that_was_changed_ends_the_link_at_each_step() {
    let place = Place::new("tcp://127.0.0.1:0");
    // The three frames of the handshake, in their first key, in what is sealed, and at their end.
    for (direction, nth, places) in [
        (Direction::Up, 0, &[0, 20, 41][..]),
        (Direction::Down, 0, &[0, 50, 100, 126]),
        (Direction::Up, 1, &[0, 50, 84]),
    ] {
        for &at in places {
            refused(&place, move |way, number, frame| match (way, number) {
                step if step == (direction, nth) => Act::Pass(vec![changed(frame, at)]),
                _ => Act::Pass(vec![frame]),
            });
        }
    }
    // The first records: the hello and its answers.
    for step in [(Direction::Up, 2), (Direction::Down, 1), (Direction::Up, 3), (Direction::Down, 2)] {
        refused(&place, move |way, number, mut frame| {
            if (way, number) == step {
                *frame.last_mut().expect("a record is not empty") ^= 1;
            }
            Act::Pass(vec![frame])
        });
    }
    place.holds(&[]);
}

/// protocol 19.3: what the first frame says of itself is a part of the handshake.
#[test]
fn another_suite_or_version_in_the_first_frame_ends_the_link() {
    let place = Place::new("tcp://127.0.0.1:0");
    for (from, to) in [("AESGCM", "ChaChaPoly"), ("\"protocol\":1", "\"protocol\":2")] {
        refused(&place, move |way, number, frame| {
            let text = String::from_utf8_lossy(&frame).replace(from, to);
            Act::Pass(vec![if (way, number) == (Direction::Up, 0) { text.into_bytes() } else { frame }])
        });
    }
    place.holds(&[]);
}

/// protocol 19.14
#[test]
fn a_link_that_is_cut_at_any_step_says_nothing() {
    let place = Place::new("tcp://127.0.0.1:0");
    for step in [
        (Direction::Up, 0),
        (Direction::Down, 0),
        (Direction::Up, 1),
        (Direction::Up, 2),
        (Direction::Down, 1),
        (Direction::Up, 3),
        (Direction::Down, 2),
    ] {
        refused(&place, move |way, number, frame| match (way, number) == step {
            true => Act::Cut,
            false => Act::Pass(vec![frame]),
        });
    }
    place.holds(&[]);
}

/// protocol 19.4, 19.7
#[test]
fn a_frame_that_comes_twice_ends_the_link() {
    let place = Place::new("tcp://127.0.0.1:0");
    for step in [(Direction::Up, 0), (Direction::Down, 0), (Direction::Up, 1), (Direction::Up, 2)] {
        refused(&place, move |way, number, frame| match (way, number) == step {
            true => Act::Pass(vec![frame.clone(), frame]),
            false => Act::Pass(vec![frame]),
        });
    }
    place.holds(&[]);
}

/// protocol 19.15, 20.1: what was recorded opens nothing, and says nothing again.
#[test]
fn a_link_that_is_played_again_opens_no_session() {
    let place = Place::new("tcp://127.0.0.1:0");
    let proxy = Proxy::start(place.server.port(), |_, _, frame| Act::Pass(vec![frame]));
    assert_eq!(place.say(&proxy.url(), "once"), (true, String::new()));
    let recorded = proxy.frames(Direction::Up);
    assert!(recorded.len() > 4, "the handshake, two hellos and a message: {}", recorded.len());
    for frames in [&recorded[..], &recorded[..1], &recorded[1..], &recorded[2..]] {
        let mut again = TcpStream::connect((Ipv4Addr::LOCALHOST, place.server.port())).unwrap();
        again.set_read_timeout(Some(PATIENCE)).unwrap();
        for frame in frames {
            if again.write_all(&framed(frame)).is_err() {
                break; // the server has hung up
            }
        }
        let _ = again.read_to_end(&mut Vec::new()); // until it has, at the latest when the time for a handshake is over
    }
    assert!(!proxy.has_seen(SECRET));
    place.holds(&["once"]);
}

/// protocol 19.5: a client that is told that the server does not encrypt does not go on in the clear.
#[test]
fn a_client_is_not_talked_out_of_encryption() {
    let place = Place::new("tcp://127.0.0.1:0");
    let errors = refused(&place, |way, _, frame| match way {
        Direction::Up => {
            Act::Answer(br#"{"type":"error","code":"unsupported","message":"only hello"}"#.to_vec())
        }
        Direction::Down => Act::Pass(vec![frame]),
    });
    assert!(errors.contains("does not encrypt") && errors.contains("--unencrypted"), "{errors}");
    place.holds(&[]);
}

/// protocol 19.13, 20.2.2, 20.6: another server in the place of the right one.
#[test]
fn another_server_in_the_same_place_is_not_joined() {
    let place = Place::new("tcp://127.0.0.1:0");
    let other = TemporaryFile::with("another password");
    let knows_another = Server::start(&["--password-file", path(&other)]);
    let asks_for_none = Server::start(&[]);
    // At first contact the password tells them apart.
    let joined = place.say(knows_another.url(), "hi");
    assert!(!joined.0 && joined.1.contains("does not know this password"), "{joined:?}");
    let joined = place.say(asks_for_none.url(), "hi");
    assert!(!joined.0 && joined.1.contains("asks for no password"), "{joined:?}");
    // From then on the key does, before anything is said.
    let proxy = Proxy::start(place.server.port(), |_, _, frame| Act::Pass(vec![frame]));
    assert_eq!(place.say(&proxy.url(), "to the right one"), (true, String::new()));
    for impostor in [&knows_another, &asks_for_none] {
        proxy.lead_to(impostor.port());
        let begun = proxy.frames(Direction::Up).len();
        let (said, errors) = place.say(&proxy.url(), "to the wrong one");
        assert!(!said && errors.contains("key"), "{errors}");
        assert_eq!(proxy.frames(Direction::Up).len(), begun + 1, "the client shows no key of its own");
    }
    proxy.lead_to(place.server.port());
    assert_eq!(place.say(&proxy.url(), "to the right one again"), (true, String::new()));
    place.holds(&["to the right one", "to the right one again"]);
}

const SECRET: &str = "open-sesame-4711";
