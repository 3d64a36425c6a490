//! How fast the screen is, in figures.
#![allow(clippy::print_stdout)]

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::{
    process::{Server, chat, told_to_end},
    pty::Screen,
};

/// What takes long, in figures: `cargo test --release -- --ignored --nocapture speed`.
#[test]
#[ignore = "it measures"]
fn speed() {
    let server = Server::start_with(&["--listen", "tcp://127.0.0.1:0", "--unlimited"]);
    let begun = Instant::now();
    let mut ana = Screen::start(100, 24, &["join", &server.1, "--name", "ana"]);
    ana.wait_for("lobby");
    let first = begun.elapsed();
    ana.wait_for("1 here");
    println!("first screen after {first:?}, in the room after {:?}", begun.elapsed());
    let mut talker = chat(&["join", &server.1, "--name", "bob", "--plain"]);
    let mut talker = talker.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = talker.stdin.take().unwrap();
    let talking = thread::spawn(move || {
        let begun = Instant::now();
        for second in 0..10 {
            for tenth in 0..10 {
                let mut lines = String::new();
                for line in 0..100 {
                    let _ = writeln!(lines, "message {second}.{tenth}.{line} of many, some words long");
                }
                if stdin.write_all(lines.as_bytes()).is_err() {
                    return;
                }
                let next = Duration::from_millis(100 * (second * 10 + tenth + 1));
                thread::sleep(next.saturating_sub(begun.elapsed()));
            }
        }
    });
    ana.wait_for("message 0.");
    let talked = Instant::now();
    let mut took = Vec::new();
    for at in 0..60 {
        let letter = char::from(b'a' + at % 26);
        let text = format!("> {letter}");
        let pressed = Instant::now();
        ana.press(&letter.to_string());
        ana.wait(&text, |screen| screen.contents().contains(&text));
        took.push(pressed.elapsed());
        ana.press("\x7f");
        ana.wait("> ", |screen| !screen.contents().contains(&text));
    }
    took.sort();
    println!("a key is drawn after {:?} (p50), {:?} (p95), {:?} (all)", took[30], took[57], took[59]);
    talking.join().unwrap();
    ana.wait_for("message 9.9.99 ");
    println!("10,000 messages seen {:?} after the first", talked.elapsed());
    let id = ana.child.as_ref().unwrap().id();
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    println!("{}", status.lines().find(|it| it.starts_with("VmRSS")).unwrap());
    told_to_end(talker, "-TERM");
}
