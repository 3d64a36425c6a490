//! Lines on a terminal: what is being typed stays whole while others talk, and the terminal is given back.

use std::process::Stdio;

use crate::{
    process::{Server, chat, in_time, program},
    pty::Screen,
    text,
};

fn join(server: &Server, name: &str) -> Screen {
    let screen = Screen::start(60, 24, &["join", "--plain", &server.1, "--name", name]);
    screen.wait_for("-- entered lobby");
    screen
}

/// The rows that are not empty.
fn rows(screen: &vt100::Screen) -> Vec<String> {
    let rows = screen.rows(0, screen.size().1).map(|row| row.trim_end().to_owned());
    rows.filter(|row| !row.is_empty()).collect()
}

/// What the lobby holds: who said what.
pub(crate) fn said(server: &Server) -> Vec<(String, String)> {
    let export = ["export", &server.1, "--room", "lobby", "--format", "jsonl", "--name", "reader"];
    let mut export = chat(&export);
    let output = in_time(move || export.stderr(Stdio::null()).output().unwrap());
    let events = text(&output.stdout).lines().map(|it| serde_json::from_str(it).unwrap());
    let word = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap().to_owned();
    events.map(|it: serde_json::Value| (word(&it, "from"), word(&it, "text"))).collect()
}

pub(crate) fn is(from: &str, text: &str) -> (String, String) {
    (from.to_owned(), text.to_owned())
}

#[test]
fn others_do_not_tear_the_line_being_typed() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    ana.press("half of 中文");
    ana.wait_for("> half of 中文");
    for number in 0..40 {
        server.say("bob", &format!("line {number} 说了 {}", "and on ".repeat(number % 12)));
        if number % 10 == 0 {
            ana.press("!");
        }
    }
    ana.wait("what bob said, above what is typed", |screen| {
        let rows = rows(screen);
        let typed = rows.last().is_some_and(|row| row == "> half of 中文!!!!");
        let is_whole =
            |row: &String| row.starts_with("[lobby] ") || row.starts_with("-- ") || row.starts_with("    ");
        let numbers = rows.iter().filter(|row| row.contains("<bob> line ")).count();
        typed
            && screen.cursor_position().1 == 18
            && numbers > 5
            && rows.iter().any(|row| row.contains("<bob> line 39 说了"))
            && rows[..rows.len() - 1].iter().all(is_whole)
    });
    ana.press(" and the rest\r");
    ana.wait("my line, whole, and an empty one below", |screen| {
        let rows = rows(screen);
        let mine = rows.iter().any(|row| row == "> half of 中文!!!! and the rest");
        let heard = rows.iter().any(|row| row.ends_with("<ana> half of 中文!!!! and the rest"));
        mine && heard && rows.last().is_some_and(|row| row == ">")
    });
    let said = said(&server);
    assert_eq!(said.last(), Some(&is("ana", "half of 中文!!!! and the rest")));
    assert_eq!(said.len(), 41, "nothing else was said");
    ana.press("\x04");
    assert!(ana.ended().success());
}

#[test]
fn a_line_is_edited_comes_back_and_may_be_longer_than_the_terminal() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    ana.press("one\rtwo\r");
    ana.wait_for("<ana> two");
    // The one before the last, its cursor at the start; a wide character deleted on the way.
    ana.press("\x1b[A\x1b[A\x01中\x7fzero \r");
    ana.wait_for("<ana> zero one");
    ana.press("\x1b[200~pasted\r\nin lines\x1b[31m\x1b[201~");
    ana.wait("the paste, and nothing said", |screen| {
        let rows = rows(screen);
        rows.ends_with(&["> pasted".to_owned(), "  in lines".to_owned()])
    });
    server.say("bob", "meanwhile");
    ana.wait("the paste below what bob says", |screen| {
        let rows = rows(screen);
        let typed = rows.ends_with(&["> pasted".to_owned(), "  in lines".to_owned()]);
        typed && rows.iter().any(|row| row.ends_with("<bob> meanwhile"))
    });
    ana.press("\x03"); // gives it up
    ana.wait_without("pasted");
    let long = "中文 and ".repeat(30);
    ana.press(&long);
    server.say("bob", "again");
    ana.resize(70, 24);
    server.say("bob", "and again");
    ana.wait_for("<bob> and again");
    ana.press("end\r");
    ana.wait_for("> ");
    ana.press("/quit\r");
    assert!(ana.ended().success());
    let said = said(&server);
    assert!(said.contains(&is("ana", &format!("{long}end"))), "{said:?}");
    assert!(!said.iter().any(|(_, text)| text.contains("pasted")), "{said:?}");
}

#[test]
fn the_terminal_is_as_it_was_however_it_ends() {
    let server = Server::start();
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut ana = join(&server, "ana");
        ana.press("not yet");
        ana.wait_for("> not yet");
        ana.signal(signal);
        assert_eq!(ana.ended().code(), Some(0), "{signal}");
    }
    let mut ana = join(&server, "ana");
    ana.press("x\x03\x03"); // the first gives up the line
    assert_eq!(ana.ended().code(), Some(0));
    let mut ana = join(&server, "ana");
    drop(server);
    ana.wait_for("-- connection lost");
    ana.press("\x04");
    assert_eq!(ana.ended().code(), Some(0));
}

/// Linux tells in /proc what state a process is in.
#[test]
fn it_can_be_stopped_and_goes_on() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    ana.press("half");
    ana.wait_for("> half");
    ana.press("\x1a");
    ana.wait("a terminal that is given back", |screen| !screen.bracketed_paste());
    ana.stopped();
    assert!(ana.has_its_modes());
    server.say("bob", "meanwhile");
    ana.signal("-CONT");
    ana.wait("what was typed, below what was said", |screen| {
        let rows = rows(screen);
        rows.iter().any(|row| row.ends_with("<bob> meanwhile"))
            && rows.last().is_some_and(|row| row == "> half")
    });
    ana.press(" and half\r");
    ana.wait_for("<ana> half and half");
}

#[test]
fn a_dumb_terminal_edits_lines_itself_and_gets_no_escape_codes() {
    let server = Server::start();
    let dumb = ["join", "--plain", &server.1, "--name", "ana"];
    let mut ana = Screen::of(60, 24, program().args(dumb).env("TERM", "dumb"));
    ana.wait_for("-- entered lobby");
    ana.press("hello 中文\r");
    ana.wait_for("<ana> hello 中文");
    ana.press("\x04");
    assert!(ana.ended().success());
    assert!(!ana.printed().contains(&0x1b), "{}", String::from_utf8_lossy(&ana.printed()));
}
