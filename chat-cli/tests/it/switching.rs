//! A conversation that goes on over another transport, or under another name: no line is missing and none is repeated.

use std::{
    io::Write,
    net::{TcpListener, UdpSocket},
    process::Stdio,
    time::Duration,
};

use crate::{
    process::{Server, chat, program},
    pty::Screen,
    text,
    typing::{is, said},
};

/// A server over TCP and over UDP, at the same port.
fn server() -> Server {
    let port = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = tcp.local_addr().unwrap();
        if UdpSocket::bind(at).is_ok() {
            break at.port();
        }
    };
    let listen = |scheme| format!("{scheme}://127.0.0.1:{port}");
    Server::start_with(&["--unlimited", "--listen", &listen("tcp"), "--listen", &listen("udp")])
}

/// Ana, who joins with `args`, goes from one transport to the other again and again while bob and she talk. What they
/// say looks like `look` of who says it and what.
fn go_to_and_fro(args: &[&str], look: impl Fn(&str, &str) -> String) {
    let server = server();
    // So many rows that nothing scrolls away.
    let join = [&["join", &server.1, "--name", "ana"], args].concat();
    let mut ana = Screen::start(100, 150, &join);
    ana.wait("that we are in", |screen| {
        let contents = screen.contents();
        contents.contains("1 here") && contents.contains("lobby")
    });
    let mut bob = chat(&["join", &server.1, "--name", "bob", "--plain"]);
    let mut bob = bob.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut bobs_input = bob.stdin.take().unwrap();
    let mut by_bob = |round: usize, part: &str| {
        let lines = (0..5).map(|line| format!("[{round}{part}{line}]"));
        let lines: Vec<_> = lines.inspect(|line| writeln!(bobs_input, "{line}").unwrap()).collect();
        bobs_input.flush().unwrap();
        lines
    };
    let mut lines = Vec::new();
    for (round, to) in ["udp", "tcp", "udp", "tcp"].into_iter().enumerate() {
        lines.extend(by_bob(round, "before").into_iter().map(|line| is("bob", &line)));
        // All of it at once: what is said last may be on its way over either.
        ana.press(&format!("[{round}mine0]\r/transport {to}\r[{round}mine1]\r"));
        lines.extend((0..2).map(|line| is("ana", &format!("[{round}mine{line}]"))));
        lines.extend(by_bob(round, "after").into_iter().map(|line| is("bob", &line)));
        ana.wait("the other transport", |screen| {
            let contents = screen.contents();
            contents.matches("going on at ").count() > round
                && contents.contains(&format!("going on at {to}://"))
        });
        ana.wait("every line, once", |screen| {
            let contents = screen.contents();
            lines.iter().all(|(from, text)| contents.matches(&look(from, text)).count() == 1)
        });
    }
    let contents = ana.wait_for("[3after4]");
    let place = |(from, text): &(String, String)| contents.find(&look(from, text)).unwrap();
    let held = said(&server);
    assert_eq!(held.len(), lines.len());
    assert!(held.is_sorted_by_key(place), "not in the order of the room:\n{contents}");
    ana.press("\x04");
    assert!(ana.ended().success());
    drop(bobs_input);
    bob.wait().unwrap();
}

#[test]
fn the_screen_goes_to_udp_and_back_and_every_line_is_there_once() {
    go_to_and_fro(&[], |_, text| text.to_owned());
}

#[test]
fn lines_go_to_udp_and_back_and_every_line_is_there_once() {
    go_to_and_fro(&["--plain"], |from, text| format!("<{from}> {text}"));
}

/// What `ana` is shown who types `lines` and has no terminal, and whether the program says that all went well.
fn typed(server: &Server, lines: &str) -> (String, bool) {
    let mut join = assert_cmd::Command::from_std(program());
    join.args(["join", &server.1, "--plain", "--name", "ana"]).write_stdin(lines);
    let output = join.timeout(Duration::from_secs(60)).output().unwrap();
    let shown = text(&output.stdout).to_owned();
    (shown, output.status.success())
}

#[test]
fn lines_are_said_under_the_name_that_was_chosen_before_them() {
    let server = server();
    let (shown, is_well) = typed(&server, "before\n/name Bel\nafter\n/name Cat\nat last\n");
    assert!(is_well, "{shown}");
    let held = said(&server);
    assert_eq!(held, [is("ana", "before"), is("Bel", "after"), is("Cat", "at last")]);
    for (from, text) in &held {
        assert_eq!(shown.matches(&format!("<{from}> {text}\n")).count(), 1, "{shown}");
    }
    assert!(shown.contains("-- you are Bel\n") && shown.contains("-- you are Cat\n"), "{shown}");
    assert_eq!(shown.matches("-- entered lobby").count(), 1, "{shown}");
}

#[test]
fn a_name_or_a_way_that_cannot_be_had_changes_nothing() {
    let server = server();
    let mut bob = chat(&["join", &server.1, "--name", "bob", "--plain"]);
    let mut bob = bob.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut bobs_output = bob.stdout.take().unwrap();
    std::io::Read::read_exact(&mut bobs_output, &mut [0; 10]).unwrap(); // he is in
    let (shown, is_well) =
        typed(&server, "/name bob\n/name two words\n/transport pigeon\n/transport udp://127.0.0.1:1\nhere\n");
    assert!(!is_well, "a line was refused: {shown}");
    for why in ["-- cannot join ", "-- it is written /name NAME", "-- cannot go on at pigeon://"] {
        assert!(shown.contains(why), "{shown}");
    }
    assert!(shown.contains("-- going on at udp://127.0.0.1:1\n"), "{shown}");
    assert_eq!(said(&server), [is("ana", "here")]);
    drop(bob.stdin.take());
    bob.wait().unwrap();
}
