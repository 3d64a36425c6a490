//! Programs that chat: the real program runs them, over TCP and UDP, and people talk to them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::harness::{PATIENCE, Process, Server, eventually};

mod again;
mod bad;
mod sessions;
mod talk;

/// Where servers listen in turn.
const EVERYWHERE: [&str; 2] = ["tcp://127.0.0.1:0", "udp://127.0.0.1:0"];

/// A bot called `name` that is in the lobby, and runs `exec` with these options.
fn bot(url: &str, name: &str, exec: &str, options: &[&str]) -> Process {
    let args = ["bot", url, "--name", name, "--room", "lobby", "--exec", exec];
    let mut bot = Process::chat(args.iter().chain(options));
    while !bot.line().starts_with("-- entered lobby") {}
    bot
}

/// One of the programs that come with the project.
fn example(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/bots/");
    format!("'{folder}{name}'") // the workspace may be anywhere
}

/// Somebody in the lobby who has read what was said there before.
fn late(url: &str, name: &str) -> Process {
    let mut person = Process::join(url, name, "lobby");
    say(&mut person, "is anybody here?");
    let own = |event: &Value| (event["type"] == "message" && event["from"] == name).then_some(());
    person.expect("own message", own);
    person
}

/// What `name` says next in the hearing of `person`, where it says it. It is marked, always.
fn said_by(person: &mut Process, name: &str) -> (String, String) {
    person.expect(&format!("message by {name}"), |event| {
        let is_it = event["type"] == "message" && event["from"] == name;
        is_it.then(|| {
            assert_eq!(event["bot"], true, "{event}");
            let text = |field: &str| event[field].as_str().expect("it is a text").to_owned();
            (text("room"), text("text"))
        })
    })
}

/// Says `text` in the room entered last, and returns what the bot `name` says next.
fn ask(person: &mut Process, name: &str, text: &str) -> String {
    say(person, &format!("{name}: {text}"));
    let (room, answer) = said_by(person, name);
    assert_eq!(room, "lobby");
    answer
}

/// Says `text` to a program that keeps running, whose answer is `wanted`: in one message, or on a slow machine in more.
fn converse(person: &mut Process, who: &str, name: &str, text: &str, wanted: &str) {
    say(person, &format!("{name}: {text}"));
    let mut all = String::new();
    while all != wanted {
        let (_, answer) = said_by(person, name);
        let answer = answer.strip_prefix(&format!("{who}:")).expect("it is addressed");
        let answer = answer.strip_prefix([' ', '\n']).expect("and separated");
        all = if all.is_empty() { answer.to_owned() } else { format!("{all}\n{answer}") };
        assert!(wanted.starts_with(&all), "{all:?}, and not {wanted:?}");
    }
}

/// Says `text` in the lobby, whatever is in it.
fn say(person: &mut Process, text: &str) {
    person.type_line(&json!({"type": "say", "room": "lobby", "text": text}).to_string());
}

/// Tells `text` to `name` alone.
fn tell(person: &mut Process, name: &str, text: &str) {
    person.type_line(&json!({"type": "tell", "to": name, "text": text}).to_string());
}

/// Every text in the lobby, from its beginning to the acknowledged `last`.
fn all_said(url: &str, last: u64) -> Vec<Value> {
    let export = ["export", url, "--name", "reader", "--room", "lobby", "--format", "jsonl"];
    let (status, lines, errors) = Process::chat(export).exit(PATIENCE);
    assert!(status.success(), "{errors}");
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(events.len() as u64 >= last, "it was acknowledged");
    events
}

/// Waits until the program with this process id is gone, and its group with it.
fn gone(pid: &str) {
    let is_there = || PathBuf::from(format!("/proc/{pid}/exe")).read_link().is_ok();
    eventually("the program is gone", PATIENCE, || (!is_there()).then_some(()));
}
