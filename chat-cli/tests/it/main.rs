//! The program itself, as far as it needs no server.
#![allow(clippy::unwrap_used)]

use std::{
    fs::OpenOptions,
    net::TcpListener,
    process::Output,
    time::{Duration, Instant},
};

use assert_cmd::Command;
use process::program;

mod data;
#[cfg(target_os = "linux")]
mod hangup;
mod odd_terminals;
mod piped;
mod process;
mod pty;
mod screen;
mod secured;
mod serve;
mod settings;
mod speed;
mod switching;
mod terminal;
mod typing;
mod verify;

fn chat(args: &[&str]) -> Output {
    // Far more than any of these takes.
    let mut chat = Command::from_std(program());
    chat.args(args).timeout(Duration::from_secs(60));
    chat.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs what must fail with status 1, and returns the one line it says about that.
fn failure(args: &[&str]) -> String {
    let output = chat(args);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    assert!(
        said.starts_with("chat: ") && said.ends_with('\n') && said.lines().count() == 1,
        "{args:?}: {said}"
    );
    assert!(!said.trim_end().contains(char::is_control), "{said:?}");
    said.trim_end().to_owned()
}

#[test]
fn help_shows_examples_for_every_command() {
    for args in [
        &[][..],
        &["serve"],
        &["join"],
        &["send"],
        &["tail"],
        &["search"],
        &["export"],
        &["bot"],
        &["discover"],
        &["doctor"],
        &["compare"],
        &["key"],
        &["config"],
        &["completions"],
    ] {
        for flag in ["-h", "--help"] {
            let output = chat(&[args, &[flag]].concat());
            assert!(output.status.success() && output.stderr.is_empty(), "{args:?} {flag}");
            let help = text(&output.stdout);
            assert!(help.contains("Usage: chat") && help.contains("Examples:\n  chat "), "{help}");
        }
    }
    let serve = chat(&["serve", "--help"]);
    assert!(
        text(&serve.stdout).contains("keeps rooms and messages on this machine"),
        "the help says where rooms are kept"
    );
}

#[test]
fn the_version_is_that_of_the_package() {
    let output = chat(&["--version"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), concat!("chat ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for args in [
        &["dance"][..],
        &["join", "--dance"],
        &["join", "--json", "--plain"],
        &["join", "tcp://"],
        &["join", "--name", "two words"],
        &["join", "--room", ""],
        &["send", "127.0.0.1", "text"],
        &["tail", "127.0.0.1", "--room", "lobby", "--after", "9007199254740992"],
        &["search"],
        &["search", "tea", "--since", "soon"],
        &["search", "tea", "--limit", "0"],
        &["bot", "--room", "lobby", "--exec", "cat"],
        &["bot", "--name", "it", "--exec", "cat"],
        &["bot", "--name", "it", "--room", "lobby"],
        &["bot", "--name", "it", "--room", "lobby", "--exec", "cat", "--timeout", "0s"],
        &["bot", "--name", "it", "--room", "lobby", "--exec", "cat", "--timeout", "5s", "--session"],
        &["bot", "--name", "it", "--room", "lobby", "--exec", "cat", "--idle", "5s"],
        &["bot", "--name", "it", "--room", "lobby", "--exec", "cat", "--max-output", "1GiB"],
        &["bot", "--name", "it", "--room", "lobby", "--exec", "cat", "--at-once", "0"],
        &["export", "--format", "html"],
        &["export", "--room", "lobby", "--format", "pdf"],
        &["serve", "--listen", "tcp://"],
        &["serve", "--memory-limit", "plenty"],
        &["serve", "--memory-limit", "64MiB"],
        &["serve", "--memory", "--data", "somewhere"],
        &["serve", "--memory", "--keep", "90d"],
        &["serve", "--keep", "for ever"],
        &["config", "--init", "--json"],
        &["completions", "abacus"],
    ] {
        let output = chat(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish"] {
        let output = chat(&["completions", shell]);
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}");
        assert!(text(&output.stdout).contains("password-file"), "{shell}");
    }
}

#[test]
fn an_unknown_transport_is_named() {
    let serve = failure(&["serve", "--memory", "--no-announce", "--listen", "nonsense://x"]);
    assert!(serve.contains("cannot listen at nonsense://x: ") && serve.contains("nonsense"), "{serve}");
    let join = failure(&["join", "nonsense://x"]);
    assert!(join.starts_with("chat: cannot join nonsense://x: "), "{join}");
}

#[test]
fn a_refused_connection_is_one_line() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // and closed again
    let url = format!("tcp://{free}");
    for args in [
        &["join", &url, "--name", "ana"][..],
        &["join", &url, "--name", "ana", "--json"],
        &["send", &url, "--room", "lobby", "--name", "ana", "hi"],
        &["tail", &url, "--room", "lobby", "--name", "ana"],
        &["search", &url, "tea", "--name", "ana"],
        &["export", &url, "--room", "lobby", "--format", "text", "--name", "ana"],
        &["bot", &url, "--room", "lobby", "--exec", "cat", "--name", "ana"],
    ] {
        let begun = Instant::now();
        let said = failure(args);
        assert!(said.starts_with(&format!("chat: cannot join {url}: ")), "{said}");
        assert!(
            begun.elapsed() < Duration::from_secs(9),
            "the first refusal is final, not the end of a wait"
        );
    }
}

#[test]
fn an_address_in_use_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    let said = failure(&[
        "serve",
        "--memory",
        "--no-announce",
        "--listen",
        "tcp://127.0.0.1:0",
        "--listen",
        &url,
        "--log",
        "json",
    ]);
    assert!(said.starts_with(&format!("chat: cannot listen at {url}: ")), "{said}");
}

#[test]
fn a_password_that_cannot_be_read_is_named() {
    for args in [
        &["serve", "--memory", "--no-announce", "--password-file", "/nowhere/secret"][..],
        &["join", "127.0.0.1", "--name", "ana", "--password-file", "/nowhere/secret"],
    ] {
        let said = failure(args);
        assert!(said.starts_with("chat: cannot read the password file /nowhere/secret: "), "{said}");
    }
}

#[test]
fn what_cannot_be_sent_is_refused_before_anyone_is_called() {
    let send = ["send", "127.0.0.1:1", "--room", "lobby", "--name", "ana"];
    for (input, words) in
        [(&[b'x'; 9000][..], "longer than 8192 bytes"), (b"\xff", "not UTF-8"), (b"\n", "empty")]
    {
        let mut chat = Command::from_std(program());
        let output = chat.args(send).write_stdin(input).timeout(Duration::from_secs(60)).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.starts_with("chat: cannot send this: ") && said.contains(words), "{said}");
    }
}

#[test]
fn a_full_disk_is_told_and_a_closed_pipe_is_not() {
    let run = |stdout: std::process::Stdio| {
        let mut chat = program();
        chat.args(["completions", "bash"]).stdout(stdout).output().unwrap()
    };
    let full = run(OpenOptions::new().write(true).open("/dev/full").unwrap().into());
    assert_eq!(full.status.code(), Some(1));
    assert!(
        text(&full.stderr).starts_with("chat: cannot write to standard output: "),
        "{}",
        text(&full.stderr)
    );
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = run(writer.into());
    assert_eq!((closed.status.code(), text(&closed.stderr)), (Some(0), ""));
}
