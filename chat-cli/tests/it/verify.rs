//! `chat verify`: the signed history of a room (protocol 8.12 to 8.16).

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{
    process::{Server, home, program},
    text,
};

fn in_home(home: &Path, args: &[&str]) -> Command {
    let mut chat = program();
    chat.env("XDG_CONFIG_HOME", home).env("XDG_STATE_HOME", home).args(args);
    chat
}

/// Says these lines in the room.
fn say(home: &Path, url: &str, lines: &str) {
    let mut join = in_home(home, &["join", url, "--room", "minutes", "--name", "ana"]);
    let mut join = join.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    join.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(join.wait().unwrap().success());
}

fn numbered(rent: u8) -> String {
    (0..55).map(|number| format!("rent {rent}, item {number}\n")).collect()
}

fn verify(home: &Path, url: &str) -> Output {
    in_home(home, &["verify", url, "--room", "minutes"]).output().unwrap()
}

#[test]
fn a_history_that_was_changed_after_it_was_signed_is_found() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let server = Server::keeping(data.path(), &["--listen", "tcp://127.0.0.1:0", "--durability", "process"]);
    let url = server.1.clone();
    say(&home, &url, &numbered(5));
    drop(server);
    let before = tempfile::tempdir().unwrap();
    copy(data.path(), before.path());
    // It says which files belong together, and these are copies.
    fs::remove_file(before.path().join("chat.lock")).unwrap();

    let server = Server::keeping(data.path(), &["--listen", &url, "--durability", "process"]);
    say(&home, &url, &numbered(5));
    let first = verify(&home, &url);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let said = text(&first.stdout);
    assert!(said.starts_with("-- messages 1 to 110 of minutes are one history, signed by"), "{said}");
    assert_eq!(said.lines().count(), 1, "nothing was signed earlier: {said}");
    say(&home, &url, "one more\n");
    let again = verify(&home, &url);
    let said = text(&again.stdout);
    assert!(said.contains("messages 1 to 111") && said.contains(", up to message 110"), "{said}");
    drop(server);

    // The owner of the server takes an older copy and has other messages said.
    let server = Server::keeping(before.path(), &["--listen", &url, "--durability", "process"]);
    say(&home, &url, &numbered(6));
    let changed = verify(&home, &url);
    assert_eq!(changed.status.code(), Some(1), "{}", text(&changed.stdout));
    let said = text(&changed.stderr);
    let expected =
        "chat: the history of minutes was changed: up to message 110 it is not what the server signed on ";
    assert!(said.starts_with(expected), "{said}");
    drop(server);
}

#[test]
fn a_room_without_messages_has_nothing_to_check() {
    let (home, server) = (home(), Server::start());
    let verified = verify(&home, &server.1);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    assert_eq!(text(&verified.stdout), "-- no messages to check in minutes\n");
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
