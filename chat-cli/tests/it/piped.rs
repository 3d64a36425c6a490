//! What is piped into the program: nothing of it is lost in silence.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use crate::{
    process::{Server, in_time, program},
    text,
    typing::said,
};

/// Joins with `args`, with `input` on standard input.
fn piped(server: &Server, args: &[&str], input: &[u8]) -> Output {
    let mut join = program();
    join.args(["join", &server.1, "--name", "pipe"]).args(args);
    let mut child = join.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    in_time(move || child.wait_with_output().unwrap())
}

#[test]
fn lines_that_are_not_said_are_told_by_the_status() {
    let (long, coloured) = ("x".repeat(9000), "\u{1b}[32mgreen\u{1b}[0m\r");
    for (what, line, is_said, status, words) in [
        ("a path", b"/usr/bin/env is a path".as_slice(), &["first", "last"][..], 1, "1 line was refused"),
        ("no text", b"caf\xe9", &["first", "last"], 1, "1 line was refused"),
        ("too long", long.as_bytes(), &["first", "last"], 1, "1 line was refused"),
        ("an end", b"/quit", &["first"], 1, "what follows /quit was not said"),
        ("a command", b"/who", &["first", "last"], 0, ""),
        ("a slash", b"//usr/bin", &["first", "/usr/bin", "last"], 0, ""),
        ("colours", coloured.as_bytes(), &["first", "green", "last"], 0, ""),
    ] {
        let server = Server::start();
        let input = [b"\xef\xbb\xbffirst\n", line, b"\nlast\n"].concat();
        let output = piped(&server, &["--plain"], &input);
        let texts: Vec<String> = said(&server).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, is_said, "{what}");
        assert_eq!(output.status.code(), Some(status), "{what}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{what}: {}", text(&output.stderr));
    }
}

#[test]
fn the_last_line_may_quit() {
    let server = Server::start();
    let output = piped(&server, &["--plain"], b"first\n/quit\n\n");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert_eq!(said(&server).len(), 1);
}

#[test]
fn a_program_that_pipes_json_is_told_too() {
    let server = Server::start();
    for (line, status) in [
        (&b"{\"type\":\"say\",\"id\":4,\"room\":\"lobby\",\"text\":\"\"}"[..], 0), // its answer has its number
        (b"{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"\"}", 1),
        (b"{\"type\"", 1),
        (b"caf\xe9", 1),
    ] {
        let output = piped(&server, &["--json"], &[line, b"\nlast\n"].concat());
        assert_eq!(output.status.code(), Some(status), "{}: {}", text(&output.stdout), text(&output.stderr));
    }
    assert_eq!(said(&server).len(), 4, "the others are said");
}
