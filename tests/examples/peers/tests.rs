//! That the generator counts what it should, hears what comes in pieces, and never waits for ever.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use chat_measure::Durations;

use crate::{
    dialects::{Chat, Dialect, Heard, Irc, Mqtt, Nats},
    relay,
    table::{Row, table},
    works::{Pace, Taken, Work},
};

#[test]
fn every_message_of_a_small_crowd_comes_to_everybody() {
    let server = listening(|it| drop(relay::serve(it)));
    for (work, deliveries) in
        [(Work { rooms: 1, ..SMALL }, 4_000), (Work { pace: Pace::EverySecond(2_000), ..SMALL }, 400)]
    {
        let mut crowd = work.gather(&Chat, server, ENOUGH).expect("they come in");
        let began = Instant::now();
        work.drive(&mut crowd, ENOUGH).expect("all of it comes");
        assert_eq!(crowd.notes.delivered, deliveries, "{work}");
        assert_eq!(crowd.notes.late.count(), deliveries, "in a small crowd everybody is timed");
        let longest = Duration::from_micros(crowd.notes.late.max().expect("it was timed"));
        assert!(longest <= began.elapsed(), "{longest:?} is longer than all of it took");
    }
}

#[test]
fn silence_is_kept_as_long_as_it_should_be() {
    let server = listening(|it| drop(relay::serve(it)));
    let work = Work { messages: 0, pace: Pace::Silence(SOON), ..SMALL };
    let mut crowd = work.gather(&Chat, server, ENOUGH).expect("they come in");
    let began = Instant::now();
    work.drive(&mut crowd, ENOUGH).expect("nothing has to come");
    assert!(began.elapsed() >= SOON);
    assert_eq!(crowd.notes.delivered, 0);
}

#[test]
fn a_table_has_medians_of_what_was_measured() {
    let taken = |micros, deliveries| Taken {
        server: Duration::from_micros(micros),
        generator: Duration::from_micros(10),
        time: Duration::from_millis(1),
        memory: 2048.0,
        messages: deliveries / 2,
        deliveries,
        late: Durations::default(),
    };
    let row = |name, rounds: [Option<u64>; 3], deliveries| {
        let mut row = Row::new(name, 3);
        row.rounds = rounds.map(|it| it.map(|micros| taken(micros, deliveries))).into();
        row
    };
    let of_table = |rows: &[Row], is_silent| {
        let table = table(rows, is_silent);
        let words = |it: &str| it.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        table.lines().skip(2).map(words).collect::<Vec<_>>()
    };
    let talked = [
        row("relay", [Some(20), Some(10), Some(40)], 10),
        row("other", [Some(40), Some(40), None], 10),
        row("gone", [None, None, None], 10),
    ];
    assert_eq!(
        of_table(&talked, false),
        [
            ["relay", "2.000", "1.00", "4.0", "-", "-", "1.000"],
            ["other", "4.000", "3.00", "8.0", "-", "-", "1.000"], // 2 and 4 times, beside the relay of each round
            ["gone", "-", "-", "-", "-", "-", "-"],
        ]
    );
    assert_eq!(of_table(&[row("other", [Some(10), None, Some(30)], 0)], true), [["other", "2.00", "2.00"]]);
}

#[test]
fn what_does_not_come_is_told() {
    let nobody = listening(|it| it.incoming().for_each(std::mem::forget));
    let error = SMALL.gather(&Chat, nobody, SOON).err().expect("nobody is let in");
    assert_eq!(error, format!("0 of 20 came in within {SOON:?}"));

    let deaf = listening(|it| {
        for mut socket in it.incoming().flatten() {
            thread::spawn(move || {
                let joined = br#"{"type":"joined"}"#;
                let _ = socket.write_all(&[&[0, 0, 0, joined.len() as u8], &joined[..]].concat());
                while let Ok(1..) = socket.read(&mut [0; 1024]) {}
            });
        }
    });
    let mut crowd = SMALL.gather(&Chat, deaf, ENOUGH).expect("they come in");
    let error = SMALL.drive(&mut crowd, SOON).expect_err("nothing comes");
    assert_eq!(error, format!("0 of 400 deliveries came within {SOON:?}"));

    let closed = listening(|it| it.incoming().for_each(drop));
    let error = SMALL.gather(&Chat, closed, ENOUGH).err().expect("nobody is let in");
    assert!(error.starts_with('u'), "it says who had what trouble: {error}");
}

#[test]
fn ours_is_understood() {
    let frames = [
        r#"{"type":"welcome"}"#,
        r#"{"type":"joined","id":1}"#,
        r#"{"type":"message","text":"hi"}"#,
        r#"{"type":"error","code":"busy"}"#,
        r#"{"type":"goodbye"}"#,
    ];
    let bytes: Vec<u8> =
        frames.iter().flat_map(|it| [&(it.len() as u32).to_be_bytes(), it.as_bytes()].concat()).collect();
    let [_, _, message, error, goodbye] = frames.map(str::as_bytes);
    let expected = [
        Heard::Nothing,
        Heard::Entered,
        Heard::Message(message),
        Heard::Refused(error),
        Heard::Refused(goodbye),
    ];
    check(&Chat, &bytes, &expected);
}

#[test]
fn irc_is_understood() {
    let bytes = b"PING :42\r\n:irc.local 001 u1 :Welcome\r\n:irc.local 422 u1 :no motd\r\n\
        :irc.local 366 u1 #r0 :End\r\n:u2!u2@host PRIVMSG #r0 :hi\r\n:irc.local 433 * u1 :in use\r\n\
        ERROR :Closing\r\n:irc.local 005 u1 A :are\r\n";
    let expected = [
        Heard::Answer(b"PONG :42\r\n".to_vec()),
        Heard::Answer(b"JOIN #r0\r\n".to_vec()),
        Heard::Nothing,
        Heard::Entered,
        Heard::Message(b"PRIVMSG #r0 :hi"),
        Heard::Refused(b":irc.local 433 * u1 :in use"),
        Heard::Refused(b"ERROR :Closing"),
        Heard::Nothing,
    ];
    check(&Irc, bytes, &expected);
}

#[test]
fn nats_is_understood() {
    let bytes = b"INFO {}\r\nPONG\r\nPING\r\nMSG r0 1 4\r\na\r\nb\r\nMSG r0 1 x\r\n-ERR 'Slow Consumer'\r\n";
    let expected = [
        Heard::Nothing,
        Heard::Entered,
        Heard::Answer(b"PONG\r\n".to_vec()),
        Heard::Message(b"a\r\nb"),
        Heard::Refused(b"MSG r0 1 x"),
        Heard::Refused(b"-ERR 'Slow Consumer'"),
    ];
    check(&Nats, bytes, &expected);
}

#[test]
fn mqtt_is_understood() {
    let mut bytes = vec![0x20, 2, 0, 0, 0x90, 3, 0, 1, 0, 0x90, 3, 0, 1, 0x80, 0x20, 2, 0, 5, 0xd0, 0];
    let text = "long".repeat(50);
    Mqtt.say("r0", 0, &text, &mut bytes); // it goes out as it comes in
    let body = [b"\0\x02r0", text.as_bytes()].concat();
    let expected = [
        Heard::Nothing,
        Heard::Entered,
        Heard::Refused(b"that its SUBSCRIBE is refused"),
        Heard::Refused(b"that its CONNECT is refused"),
        Heard::Nothing,
        Heard::Message(&body),
    ];
    check(&Mqtt, &bytes, &expected);
}

/// That each thing is heard when it is whole, and not before.
fn check(dialect: &dyn Dialect, mut bytes: &[u8], expected: &[Heard<'_>]) {
    for expected in expected {
        let (heard, len) = dialect.hear(bytes, "r0").expect("it is whole");
        assert_eq!(&heard, expected);
        for cut in 0..len {
            assert_eq!(dialect.hear(&bytes[..cut], "r0"), None, "{expected:?} cut after {cut} bytes");
        }
        bytes = &bytes[len..];
    }
    assert!(bytes.is_empty(), "all of it is expected");
}

/// Where a server in a thread of its own listens.
fn listening(serve: impl FnOnce(TcpListener) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let at = listener.local_addr().expect("it is bound");
    thread::spawn(|| serve(listener));
    at
}

const SMALL: Work =
    Work { name: "small", people: 20, rooms: 10, talkers: 5, messages: 200, pace: Pace::Unanswered(8) };

const ENOUGH: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(200);
