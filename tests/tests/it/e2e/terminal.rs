//! Nothing that others write, nor a server that means ill, reaches the terminal as anything but text.

use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
    time::Duration,
};

use chat_core::wire::{
    self, Author, Body, Code, EntryFrame, EntryKind, Error, Event, Gap, Goodbye, Head, Heads, Joined,
    LimitsFrame, Presence, Reason, Welcome,
};

use super::harness::{Process, Raw};

/// protocol 14.6
#[test]
fn a_hostile_server_prints_text_and_nothing_else() {
    for how in ["--plain", "--json"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let url = format!("tcp://{}", listener.local_addr().expect("it is bound"));
        let server = thread::spawn(move || serve_hostile_things(&listener));
        let join = Process::chat(["join", &url, how, "--unencrypted", "--name", "ana"]);
        server.join().expect("the conversation went to its end");
        let (_, lines, errors) = join.exit(Duration::from_secs(20));
        assert!(lines.len() >= hostile().len(), "{how}: only {} lines: {lines:?}", lines.len());
        for line in lines.iter().map(String::as_str).chain(errors.lines()) {
            let control = line.chars().find(|it| is_dangerous(*it));
            assert!(control.is_none(), "{how}: {control:?} in {line:?}");
        }
    }
}

/// Plays a server to one client, and puts every hostile string everywhere a string can be.
fn serve_hostile_things(listener: &TcpListener) {
    let (stream, _) = listener.accept().expect("a client comes");
    let mut raw = Raw::over(stream);
    raw.read_frame().expect("a hello comes");
    let strings = hostile();
    write(&mut raw, &Event::Welcome(welcome(&strings[0])));
    let join = raw.read_frame().expect("a join comes");
    let id = wire::read_request(&join).ok().and_then(|it| it.id).expect("a join has a number");
    let mut joined = Joined {
        id,
        room: "lobby".to_owned(),
        epoch: strings[1].clone(),
        oldest: 1,
        head: strings.len() as u64,
        after: 0,
        reset: false,
        topic: strings[0].clone(),
        version: 1,
        members: strings.clone(),
        present: strings.len() as u64,
        guests: Default::default(),
    };
    write(&mut raw, &Event::Joined(joined.clone()));
    joined.topic.clear();
    for (seq, text) in (1..).zip(&strings) {
        let kind = if seq % 3 == 0 { EntryKind::Topic } else { EntryKind::Message };
        let from = if seq % 2 == 0 { text.clone() } else { "bob".to_owned() };
        let entry = EntryFrame {
            room: "lobby".to_owned(),
            seq,
            author: Author::person(from),
            to: None,
            at: 1,
            body: Body { kind, text: text.clone(), fields: None },
        };
        write(&mut raw, &Event::Entry(entry));
        let (entered, left) = (vec![text.clone()], vec![format!("x{text}")]);
        let (room, guests) = ("lobby".to_owned(), Default::default());
        let presence = Presence { room, since: seq, version: seq + 1, entered, left, guests };
        write(&mut raw, &Event::Presence(presence));
        let message = text.clone();
        write(
            &mut raw,
            &Event::Error(Error { retry_after_ms: Some(1), ..Error::of(None, Code::Busy, message) }),
        );
    }
    let gap = Gap { room: strings[0].clone(), from: 1, to: 2 };
    write(&mut raw, &Event::Gap(gap));
    let head = Head { epoch: strings[0].clone(), oldest: 1, head: 1, presence: 1 };
    write(&mut raw, &Event::Heads(Heads { rooms: [(strings[0].clone(), head)].into() }));
    // A goodbye after which nobody dials again, so that the client ends and all it printed can be looked at.
    write(&mut raw, &Event::Goodbye(Goodbye { reason: Reason::Bye, retry_after_ms: None }));
    raw.rest_of_frames();
}

fn write(raw: &mut Raw, event: &Event) {
    assert!(raw.frame(wire::write(event)), "the client hung up before {event:?}");
}

fn welcome(hostile: &str) -> Welcome {
    Welcome {
        protocol: wire::PROTOCOL,
        name: format!("ana{hostile}"),
        server: hostile.to_owned(),
        resume: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        resumed: false,
        at: None,
        limits: LimitsFrame {
            frame: 65_443,
            text: 8192,
            rooms: 64,
            pending: 64,
            ahead: Some(16),
            in_flight: Some(32),
            burst: None,
            per_minute: None,
        },
    }
}

/// Strings that do something to a terminal, or to the eyes of whoever reads it.
fn hostile() -> Vec<String> {
    let sequences = [
        "\u{1b}[2J\u{1b}[H",             // clear the screen
        "\u{1b}]0;title\u{7}",           // set the title
        "\u{1b}]52;c;cm0gLXJmIH4=\u{7}", // fill the clipboard
        "\u{1b}]8;;http://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
        "\u{1b}[6n",          // ask for an answer that looks typed
        "\u{1b}[?1003h",      // report the mouse
        "\u{1b}c",            // reset
        "\u{1b}P$qm\u{1b}\\", // ask for settings
        "\u{1b}]0;never ended",
        "\u{1b}[31mred",
        "\u{9b}2J",
        "\u{9d}0;title\u{9c}",
        "\u{90}q\u{9c}",
        "over\rwritten",
        "back\u{8}\u{8}\u{8}\u{8}spaced",
        "form\u{c}feed\u{b}tab",
        "\n<admin> hello",
        "\u{202e}desrever\u{202c}",
        "\u{2066}isolated\u{2069}",
        "\u{200b}\u{200d}\u{feff}nothing",
        "line\u{2028}separator\u{2029}",
        "\u{e0041}\u{e0042}tags",
        "\u{1b}",
    ];
    let controls = (0..0x20).chain(0x7f..0xa0).map(|it| format!("a{}b", char::from(it)));
    sequences.iter().map(|it| (*it).to_owned()).chain(controls).collect()
}

/// What a terminal may act on, or what turns or hides text. Lines were split at newlines before.
fn is_dangerous(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
