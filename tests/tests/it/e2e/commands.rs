//! The commands that people and their scripts use.

use std::{path::PathBuf, time::Duration};

use chat_core::wire::Event;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::harness::{Process, Server};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn send_says_one_thing_and_tail_prints_it() {
    let server = Server::start(&[]);
    let send = ["send", server.url(), "--room", "builds", "--name", "robot", "the build is green"];
    let (status, lines, errors) = Process::chat(send).exit(SOON);
    assert_eq!((status.code(), lines, errors.as_str()), (Some(0), vec![], ""));

    let mut tail = Process::chat(["tail", server.url(), "--room", "builds", "--after", "0", "--json"]);
    let message = |event: &Value| (event["type"] == "message").then(|| event.clone());
    let green = tail.expect("message", message);
    assert_eq!((&green["from"], &green["text"]), (&"robot".into(), &"the build is green".into()));

    let mut piped = Process::chat(["send", server.url(), "--room", "builds", "--name", "robot"]);
    piped.type_line("two lines");
    piped.type_line("in one message");
    piped.end_input();
    assert_eq!(piped.exit(SOON).0.code(), Some(0));
    assert_eq!(tail.expect("message", message)["text"], "two lines\nin one message");

    tail.signal(Signal::SIGTERM);
    assert_eq!(tail.exit(SOON).0.code(), Some(0));
}

#[test]
fn what_is_piped_into_join_is_said_and_shown() {
    let server = Server::start(&[]);
    let mut join = Process::chat(["join", server.url(), "--plain", "--name", "ana"]);
    join.type_line("hi");
    join.end_input();
    let (status, lines, errors) = join.exit(SOON);
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    assert!(lines.iter().any(|line| line.contains("<ana> hi")), "{lines:?}");

    let mut raw = server.raw();
    raw.hello("bob");
    raw.frame(r#"{"type":"join","id":1,"room":"lobby","after":0}"#);
    let stored = std::iter::from_fn(|| raw.event()).find_map(|event| match event {
        Event::Entry(entry) => Some((entry.seq, entry.author.name, entry.body.text)),
        _ => None,
    });
    assert_eq!(stored, Some((1, "ana".to_owned(), "hi".to_owned())));
}

#[test]
fn two_programs_talk_in_json() {
    let server = Server::start(&[]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    let mut bob = Process::join(server.url(), "bob", "lobby");
    ana.type_line("hi bob");
    assert_eq!(bob.messages(1), [(1, "hi bob".to_owned())]);
    bob.type_line(r#"{"type":"who","id":7,"room":"lobby"}"#);
    let members = bob.expect("members", |event| (event["id"] == 7).then(|| event["members"].clone()));
    assert_eq!(members.as_array().map(Vec::len), Some(2), "{members}");
    bob.type_line(r#"{"type":"tell","id":8,"to":"ana","text":"psst"}"#);
    let psst = ana.expect("tell", |event| (event["room"] == "@").then(|| event["text"].clone()));
    assert_eq!(psst, "psst");
    bob.type_line(r#"{"type":"bye"}"#);
    assert_eq!(bob.exit(SOON).0.code(), Some(0));
    let left = |event: &Value| event["left"].as_array()?.contains(&"bob".into()).then_some(());
    ana.expect("news that bob left", left);
}

/// protocol 2.7
#[test]
fn a_password_is_needed_where_there_is_one() {
    let file = TemporaryFile::with("open sesame\n");
    let path = file.0.to_str().expect("a plain path");
    let server = Server::start(&["--password-file", path]);
    let send = ["send", server.url(), "--room", "lobby", "hi"];
    let (status, _, errors) = Process::chat(send).exit(SOON);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("password"), "{errors}");
    let (status, _, errors) = Process::chat(send.iter().chain(&["--password-file", path])).exit(SOON);
    assert_eq!(status.code(), Some(0), "{errors}");
}

/// A file that is gone when this is dropped.
pub struct TemporaryFile(pub PathBuf);

impl TemporaryFile {
    /// A file of its own with this content, which only its owner may read.
    pub fn with(content: &str) -> TemporaryFile {
        use std::os::unix::fs::PermissionsExt;
        let name = format!("chat-test-{}-{:x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        TemporaryFile(path)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
