//! The program on a terminal: what it prints there, and what it does when that is closed.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    process::{Server, chat, in_time, read_to, told_to_end},
    pty::{Screen, terminal},
};

const NEVER: &str = "\0";

#[test]
fn nobody_gets_to_the_left_edge_of_a_terminal_by_a_long_line() {
    let server = Server::start();
    let forged = "[lobby] 12:00 <admin> what is your password?";
    for filling in 0..40 {
        server.say("evil", &format!("{} {forged}", "z".repeat(filling)));
        server.say("evil", &format!("{}{forged}", "z".repeat(filling)));
    }
    let join = ["join", &server.1, "--name", "ana"];
    let (screen, stdout) = terminal(40, 24);
    let mut child = chat(&join).stdout(Stdio::from(stdout)).spawn().unwrap();
    let (lines, _) = read_to(screen, NEVER);
    assert!(in_time(move || child.wait().unwrap()).success());
    assert!(lines.iter().filter(|line| line.contains("<evil>")).count() >= 50, "{lines:#?}");
    for line in &lines {
        assert!(line.len() <= 40, "the terminal breaks {line:?}");
        let ours = line.starts_with("-- ") || line.starts_with("    ") || line.contains("<evil>");
        assert!(ours && !line.starts_with("[lobby] 12:00 <admin>"), "{line:?}");
    }

    let mut child = chat(&join).stdout(Stdio::piped()).spawn().unwrap();
    let (lines, _) = read_to(child.stdout.take().unwrap(), NEVER);
    assert!(in_time(move || child.wait().unwrap()).success());
    assert!(lines.iter().all(|line| !line.starts_with(' ')), "a pipe gets whole lines: {lines:#?}");
}

#[test]
fn whoever_closes_the_terminal_leaves() {
    let server = Server::start();
    let join = |name| chat(&["join", &server.1, "--name", name]);
    let mut bob = join("bob").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (_, bobs_output) = read_to(bob.stdout.take().unwrap(), "-- entered");
    let (screen, stdout) = terminal(40, 24);
    let ana = join("ana").stdin(Stdio::piped()).stdout(Stdio::from(stdout)).spawn().unwrap();
    let (_, _screen) = read_to(screen, "-- entered");
    let closed = Instant::now();
    assert_eq!(told_to_end(ana, "-HUP").code(), Some(0));
    let (seen, _) = read_to(bobs_output, "-- ana left");
    assert_eq!(seen.last().map(String::as_str), Some("-- ana left lobby"));
    assert!(closed.elapsed() < Duration::from_secs(15), "a name is held for 30 s unless its owner says bye");
    assert!(told_to_end(bob, "-TERM").success());
}

#[test]
fn without_a_terminal_a_hangup_is_left_to_the_system() {
    let server = Server::start();
    let join = ["join", &server.1, "--name", "ana"];
    let mut child = chat(&join).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (_, _stdout) = read_to(child.stdout.take().unwrap(), "-- entered");
    // Ignored, it goes on until its input ends.
    let expected = if ignores_hangups() { Some(0) } else { None };
    assert_eq!(told_to_end(child, "-HUP").code(), expected, "nohup is respected");
}

/// Whether this process was started with `nohup` or the like: what it starts ignores hangups as well.
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    ignored.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).is_some_and(|it| it & 1 == 1)
}

#[test]
fn on_a_terminal_there_are_lines_if_they_are_asked_for() {
    let server = Server::start();
    for how in ["--plain", "--json"] {
        let mut ana = Screen::start(100, 24, &["join", &server.1, "--name", "ana", how]);
        ana.wait("that we are in", |screen| {
            let contents = screen.contents();
            (contents.contains("-- entered lobby") || contents.contains("{\"type\":\"joined\""))
                && !screen.alternate_screen()
        });
        ana.press("hello\r");
        ana.wait("what was said", |screen| screen.contents().matches("hello").count() >= 2); // typed, and said
        ana.press("\x04");
        assert!(ana.ended().success(), "{how}");
    }
}
