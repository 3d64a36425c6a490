//! A terminal that is closed: the program ends soon, and has nothing to do until then.

use std::{
    fs::{self, File},
    io::{Read, Write},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::{Server, in_time, program, signal},
    pty::terminal,
};

/// Joins with `args` on a terminal, of which we have one end.
fn join(server: &Server, args: &[&str]) -> (Child, File) {
    let (ours, theirs) = terminal(100, 24);
    let stdio = || Stdio::from(theirs.try_clone().unwrap());
    let mut ana = program();
    ana.args(["join", &server.1, "--name", "ana"]).args(args).env("TERM", "xterm").env("RUST_LOG", "off");
    let ana = ana.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
    (ana, read_to(ours, "here"))
}

/// Waits until `text` is printed.
fn read_to(mut terminal: File, text: &'static str) -> File {
    in_time(move || {
        let (mut shown, mut bytes) = (String::new(), [0; 4096]);
        while !shown.contains(text) {
            let length = terminal.read(&mut bytes).unwrap();
            shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        terminal
    })
}

/// What Linux says of a process: its state, and how long it has worked.
fn state(ana: &Child) -> (String, Duration) {
    let stat = fs::read_to_string(format!("/proc/{}/stat", ana.id())).unwrap();
    let words: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |at: usize| words[at].parse::<u64>().unwrap();
    (words[0].to_owned(), Duration::from_millis(10 * (ticks(11) + ticks(12))))
}

/// Ends by itself, soon, and works little until then. Nobody was started from that terminal, and so nobody is sent
/// SIGHUP.
fn ends_quietly(mut ana: Child) {
    let (_, worked_before) = state(&ana);
    let closed = Instant::now();
    let worked = loop {
        match state(&ana) {
            (state, worked) if state == "Z" => break worked - worked_before,
            _ => assert!(closed.elapsed() < ENDS_WITHIN, "it still runs"),
        }
        thread::sleep(Duration::from_millis(5)); // the kernel tells nobody
    };
    assert!(worked < WORKS_AT_MOST, "it worked for {worked:?} of {:?}", closed.elapsed());
    // With 1 if it noticed while it drew.
    assert!(matches!(ana.wait().unwrap().code(), Some(0 | 1)));
}

#[test]
fn whoever_reads_keys_ends_soon_and_has_little_to_do() {
    let server = Server::start();
    for args in [&[][..], &["--plain"]] {
        for round in 0..10 {
            let (ana, mut terminal) = join(&server, args);
            terminal.write_all("x".repeat(round).as_bytes()).unwrap();
            drop(terminal); // closed, in the middle of what is typed
            ends_quietly(ana);
        }
    }
}

#[test]
fn whoever_waits_for_an_answer_meanwhile_sleeps() {
    for args in [&[][..], &["--plain"]] {
        let mut server = Server::start();
        let (ana, mut terminal) = join(&server, args);
        signal(server.0.child(), "-STOP");
        terminal.write_all(b"hello\r").unwrap();
        drop(read_to(terminal, "hello"));
        ends_quietly(ana);
    }
}

const ENDS_WITHIN: Duration = Duration::from_secs(8);

const WORKS_AT_MOST: Duration = Duration::from_millis(500);
