//! A server without clients: how it begins, how it ends, and what it does when nothing it says can be written.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::termios::{Action, tcflow};

use crate::{
    process::{Server, Started, chat, in_time, program, told_to_end},
    pty::terminal,
};

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn serve() -> Command {
    let mut serve = program();
    serve
        .args(["serve", "--memory", "--no-announce", "--listen", "tcp://127.0.0.1:0"])
        .env("RUST_LOG", "trace");
    serve
}

#[test]
fn a_signal_ends_it_well_and_a_full_disk_under_its_log_does_not_end_it() {
    for signal in ["-INT", "-TERM"] {
        let mut child = serve().stdout(Stdio::piped()).stderr(full()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let ready = in_time(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        });
        assert!(ready.starts_with("listening on tcp://127.0.0.1:") && !ready.ends_with(":0\n"), "{ready:?}");
        assert_eq!(told_to_end(child, signal).code(), Some(0), "{signal}");
    }
}

#[test]
fn it_does_not_run_where_nobody_learns_its_address() {
    let child = serve().env("RUST_LOG", "off").stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
    let output = in_time(move || child.wait_with_output().unwrap());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("chat: cannot write to standard output: ") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let server = Server::of(serve().stderr(writer.try_clone().unwrap()));
    // Of a pipe Linux keeps 64 KiB, which are full now, whatever the server has written.
    let filling = std::thread::spawn(move || _ = writer.write_all(&[b'.'; 65536]));
    for number in 0..10 {
        server.say("ana", &format!("{number}"));
    }
    let began = Instant::now();
    assert_eq!(server.0.told_to_end("-TERM").code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(reader);
    filling.join().unwrap();
}

#[test]
fn a_stopped_terminal_holds_nobody_up_and_a_signal_ends_it_all_the_same() {
    let (_ours, theirs) = terminal(80, 24);
    tcflow(&theirs, Action::OOff).unwrap(); // as Ctrl-S does
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // and closed again
    let url = format!("tcp://{free}");
    let stdio = || Stdio::from(theirs.try_clone().unwrap());
    let mut serve = program();
    serve.args(["serve", "--memory", "--no-announce", "--listen", &url]);
    let server = Started::by(serve.stdin(stdio()).stdout(stdio()).stderr(stdio()));
    let deadline = Instant::now() + Duration::from_secs(20);
    let says = || {
        let mut send = chat(&["send", &url, "--room", "lobby", "--name", "ana", "hi"]);
        in_time(move || send.status().unwrap()).success()
    };
    while !says() {
        assert!(Instant::now() < deadline, "nobody gets in");
    }
    let began = Instant::now();
    assert_eq!(server.told_to_end("-TERM").code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    tcflow(&theirs, Action::OOn).unwrap();
}
