//! What Wireshark makes of frames with `docs/wireshark/chat.lua`: packets are written to a file, tshark tells of them.

use std::{fs, path::Path, process::Command};

use chat_testkit::needs::Need;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::harness::{PATIENCE, Process, framed};

/// The tests of this module and what they need.
pub fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[Need::Tool("tshark")] => {
            a_conversation_is_told_frame_by_frame_over_both_transports,
            frames_are_found_wherever_segments_of_tcp_begin,
            a_datagram_in_fragments_is_one_frame,
            what_the_transport_adds_is_shown_too,
            what_is_broken_is_marked,
            datagrams_with_a_header_are_shown_frame_by_frame,
            other_ports_are_found_by_how_frames_begin_or_by_a_preference,
        }
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wireshark/chat.lua");
const PROTOCOL: &str = include_str!("../../../docs/protocol.md");

/// A file of IPv4 packets between a client and a server.
struct Capture {
    /// As libpcap writes it.
    file: Vec<u8>,
    packets: u32,
    port: u16,
    /// How much the client and the server have sent over TCP.
    sent: [u32; 2],
}

#[derive(Clone, Copy)]
enum By {
    Client,
    Server,
}

impl Capture {
    fn at(port: u16) -> Capture {
        let header: [u32; 6] = [0xA1B2_C3D4, 4 << 16 | 2, 0, 0, 65535, LINKTYPE_IPV4];
        Capture { file: header.map(u32::to_be_bytes).concat(), packets: 0, port, sent: [0; 2] }
    }

    /// Adds a packet, or a fragment of one.
    fn packet(&mut self, by: By, protocol: u8, id: u16, fragment: u16, body: &[u8]) {
        let length = 20 + body.len();
        self.packets += 1;
        for word in [self.packets, 0, length as u32, length as u32] {
            self.file.extend(word.to_be_bytes());
        }
        self.file.extend([0x45, 0]);
        for word in [length as u16, id, fragment] {
            self.file.extend(word.to_be_bytes());
        }
        self.file.extend([64, protocol, 0, 0]);
        let hosts = [[10, 9, 0, 1], [10, 9, 0, 2]];
        let (from, to) = if let By::Client = by { (hosts[0], hosts[1]) } else { (hosts[1], hosts[0]) };
        self.file.extend([from, to].concat());
        self.file.extend(body);
    }

    fn ports(&self, by: By) -> Vec<u8> {
        let (from, to) = if let By::Client = by { (40000, self.port) } else { (self.port, 40000) };
        [from, to].map(u16::to_be_bytes).concat()
    }

    /// A segment with the next bytes of the stream.
    fn tcp(&mut self, by: By, bytes: &[u8]) {
        let mut body = self.ports(by);
        let [own, other] = if let By::Client = by { [0, 1] } else { [1, 0] };
        body.extend([self.sent[own] + 1000, self.sent[other] + 1000].map(u32::to_be_bytes).concat());
        body.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
        body.extend(bytes);
        self.sent[own] += bytes.len() as u32;
        self.packet(by, 6, 0, 0x4000, &body);
    }

    /// A datagram, in as many fragments as it takes.
    fn udp(&mut self, by: By, bytes: &[u8]) {
        let mut body = self.ports(by);
        body.extend([8 + bytes.len() as u16, 0].map(u16::to_be_bytes).concat());
        body.extend(bytes);
        let (id, parts) = (self.packets as u16, body.chunks(1480));
        let last = parts.len() - 1;
        for (number, part) in parts.enumerate() {
            let more = if number < last { 0x2000 } else { 0 };
            self.packet(by, 17, id, more | (number * 1480 / 8) as u16, part);
        }
    }

    /// What tshark prints with these arguments.
    fn told(&self, arguments: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.pcap");
        fs::write(&path, &self.file).unwrap();
        let mut command = tshark(folder.path());
        command.arg("-n").arg("-r").arg(&path).args(["-X", &format!("lua_script:{SCRIPT}")]).args(arguments);
        let (status, lines, errors) = Process::run(&mut command).exit(PATIENCE);
        assert!(status.success() && !errors.contains("Lua"), "{errors}");
        lines
    }

    /// These fields of all packets that are ours, those of several frames in one packet separated by `|`.
    fn fields(&self, names: &[&str]) -> Vec<String> {
        let mut arguments = vec!["-Y", "chat", "-T", "fields", "-E", "aggregator=|", "-E", "separator=/s"];
        names.iter().for_each(|name| arguments.extend(["-e", name]));
        self.told(&arguments)
    }

    /// The column that sums up each packet that is ours.
    fn column(&self) -> Vec<String> {
        self.told(&["-Y", "chat", "-o", r#"gui.column.format:"Info","%i""#])
    }
}

/// A datagram with a header (protocol 15.16).
fn datagram(kind: u8, number: u64, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &TOKEN, &number.to_be_bytes(), body].concat()
}

/// Frames, each behind its length (protocol 15.18).
fn packed(frames: &[&str]) -> Vec<u8> {
    frames.iter().flat_map(|frame| [&(frame.len() as u16).to_be_bytes(), frame.as_bytes()].concat()).collect()
}

/// Parts of a frame (protocol 15.19).
fn parts(frame: &str) -> Vec<Vec<u8>> {
    let head = [&7_u64.to_be_bytes()[..], &(frame.len() as u16).to_be_bytes()].concat();
    (0..)
        .zip(frame.as_bytes().chunks(1024))
        .map(|(place, part)| [&head[..], &[place], part].concat())
        .collect()
}

/// `u8yVb1yd0Yx2bq3fJQkq9g` in base64url.
const TOKEN: [u8; 16] = 0xbbcc_956f_5c9d_d18c_766e_addf_2509_2af6_u128.to_be_bytes();

fn tshark(home: &Path) -> Command {
    let mut command = Command::new("tshark");
    command.env("HOME", home);
    command
}

/// The conversation in section 16 of the protocol.
fn conversation() -> Vec<(By, &'static str)> {
    let (_, section) = PROTOCOL.split_once("## 16. ").unwrap();
    let (section, _) = section.split_once("## 17. ").unwrap();
    let line = |line: &'static str| {
        let said = line.strip_prefix("    > ").map(|it| (By::Client, it));
        said.or_else(|| Some((By::Server, line.strip_prefix("    < ")?)))
    };
    section.lines().filter_map(line).collect()
}

fn say(text: &str) -> String {
    format!(r#"{{"type":"say","id":3,"room":"lobby","text":{}}}"#, Value::from(text))
}

fn a_conversation_is_told_frame_by_frame_over_both_transports() {
    let mut over = [Capture::at(7000), Capture::at(7000)];
    for (by, frame) in conversation() {
        over[0].tcp(by, &framed(frame));
        over[1].udp(by, frame.as_bytes());
    }
    let names = ["type", "id", "room", "seq", "name", "client", "text", "head", "reason", "resumed"];
    let expected: Vec<String> = conversation()
        .iter()
        .map(|(_, frame)| {
            let frame: Value = serde_json::from_str(frame).unwrap();
            let shown = |name: &&str| match &frame[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Bool(is) => u8::from(*is).to_string(),
                other => other.to_string(),
            };
            names.iter().map(shown).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert!(expected.len() > 15, "the section has more than {}", expected.len());
    for capture in over {
        let fields = names.map(|name| format!("chat.{name}"));
        let told = capture.fields(&fields.each_ref().map(String::as_str));
        assert_eq!(told, expected);
        let column = capture.column();
        assert_eq!(column[0], "hello ana");
        assert_eq!(column[3], "joined #1 lobby after 0 head 2");
        assert_eq!(column[6..9], [r#"say #2 lobby "hi""#, "ack #2 lobby 3", r#"message lobby 3 <ana> "hi""#]);
        assert_eq!(capture.told(&["-Y", "chat.broken"]), [""; 0]);
        let [sent, at] = ["chat.id==3", "chat.at"].map(|it| capture.told(&["-Y", it]).len());
        assert_eq!((sent, at), (3, 7), "filters");
    }
}

fn frames_are_found_wherever_segments_of_tcp_begin() {
    let mut capture = Capture::at(7000);
    let (short, long) = (framed(say("hi")), framed(say(&"x".repeat(8192))));
    capture.tcp(By::Client, &[short.clone(), short.clone(), short.clone()].concat());
    let stream = [short.clone(), long, short.clone(), short.clone()].concat();
    // The end of the second frame and the third are in one segment; the fourth begins with two bytes of its length.
    let cut = stream.len() - short.len() + 2;
    stream[..cut].chunks(1448).for_each(|it| capture.tcp(By::Client, it));
    capture.tcp(By::Client, &stream[cut..]);
    capture.tcp(By::Server, &framed(r#"{"type":"pong","id":4}"#));
    let column = capture.column();
    let hi = r#"say #3 lobby "hi""#;
    let long = format!(r#"say #3 lobby "{}...""#, "x".repeat(80));
    assert_eq!(
        column,
        [[hi; 3].join(" | "), hi.to_owned(), format!("{long} | {hi}"), hi.to_owned(), "pong #4".to_owned()]
    );
    let told = capture.fields(&["chat.length", "chat.text"]);
    assert_eq!(told[0], "48|48|48 hi|hi|hi");
    assert_eq!(told[2], format!("8238|48 {}|hi", "x".repeat(8192)));
    assert_eq!(told.len(), 5);
}

fn a_datagram_in_fragments_is_one_frame() {
    let mut capture = Capture::at(7000);
    let text = "é\n\"\u{1F980}".repeat(900);
    capture.udp(By::Client, say(&text).replace('\u{1F980}', r"\ud83e\udd80").as_bytes());
    let told = capture.fields(&["frame.number", "chat.text"]);
    assert_eq!(told, [format!("{} {}", capture.packets, text.replace('\n', "\\n"))]);
    assert!(capture.packets > 5);
}

fn what_the_transport_adds_is_shown_too() {
    let mut capture = Capture::at(7000);
    capture.udp(By::Server, br#"{"type":"challenge","cookie":"p1s0zqW8J6k"}"#);
    capture.udp(By::Client, br#"{"type":"bye","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#);
    capture.udp(
        By::Server,
        br#"{"type":"error","id":9007199254740991,"code":"busy","message":"x","retry_after_ms":250}"#,
    );
    capture.udp(By::Server, br#"{"type":"replayed","id":9,"room":"lobby","from":12,"to":17}"#);
    let told =
        capture.fields(&["chat.cookie", "chat.link", "chat.id", "chat.code", "chat.first", "chat.last"]);
    assert_eq!(
        told,
        ["p1s0zqW8J6k     ", " u8yVb1yd0Yx2bq3fJQkq9g    ", "  9007199254740991 busy  ", "  9  12 17"]
    );
    assert_eq!(capture.column()[2..], ["error #9007199254740991 busy", "replayed #9 lobby from 12 to 17"]);
}

/// protocol 15.16, protocol 15.17, protocol 15.18, protocol 15.19
fn datagrams_with_a_header_are_shown_frame_by_frame() {
    for port in [7000, 9999] {
        let mut capture = Capture::at(port);
        let long = say(&"x".repeat(3000));
        let cookie = u64::from_be_bytes([0xa7, 0x5b, 0x34, 0xce, 0xa5, 0xbc, 0x27, 0xa9]);
        capture.udp(By::Client, &datagram(1, 0, &packed(&[r#"{"type":"hello","name":"ana"}"#])));
        capture.udp(By::Server, &datagram(2, cookie, b""));
        capture.udp(By::Client, &datagram(1, cookie, &packed(&[r#"{"type":"hello","name":"ana"}"#])));
        capture.udp(
            By::Server,
            &datagram(4, 1, &packed(&[r#"{"type":"pong","id":1}"#, r#"{"type":"pong","id":2}"#])),
        );
        // In another order, one twice; and the answer is in parts of the same number, and incomplete.
        for place in [2, 0, 0] {
            capture.udp(By::Client, &datagram(5, 2, &parts(&long)[place]));
            capture.udp(By::Server, &datagram(5, 2, &parts(&long)[0]));
        }
        capture.udp(By::Client, &datagram(5, 5, &parts(&long)[1]));
        capture.udp(By::Client, &datagram(6, cookie, b""));
        capture.udp(By::Server, &datagram(3, 0, b""));
        let column = capture.column();
        let part = |place: u8| format!("part {place} of 3");
        let whole = format!(r#"part 2 of 3 | say #3 lobby "{}..."#, "x".repeat(80));
        assert_eq!(
            column,
            [
                "hello ana",
                "challenge",
                "hello ana",
                "pong #1 | pong #2",
                &part(3),
                &part(1),
                &part(1),
                &part(1),
                &part(1),
                &part(1),
                &format!("{whole}\""),
                "proof",
                "gone",
            ]
        );
        let told =
            capture.fields(&["chat.kind", "chat.counter", "chat.cookie", "chat.id", "chat.part.place"]);
        assert_eq!(
            told[..5],
            ["0x01    ", "0x02  p1s0zqW8J6k  ", "0x01  p1s0zqW8J6k  ", "0x04 1  1|2 ", "0x05 2   2"]
        );
        assert_eq!(told[10], "0x05 5  3 1");
        let of_link = capture.told(&["-Y", r#"chat.link == "u8yVb1yd0Yx2bq3fJQkq9g""#]);
        assert_eq!(of_link.len(), column.len());
        assert_eq!(capture.told(&["-Y", "chat.broken"]), [""; 0]);
        let text = capture.told(&["-Y", "chat.text", "-T", "fields", "-e", "chat.text"]);
        assert_eq!(text, ["x".repeat(3000)]);
    }
    let good = packed(&[&say("hi")]);
    let broken = [
        datagram(4, 1, b""),
        datagram(4, 1, &good[..good.len() - 1]),
        datagram(4, 1, &[&good[..], b"\0"].concat()),
        datagram(4, 1, &packed(&["{"])),
        datagram(5, 1, &parts("x")[0][..11]),
        datagram(5, 1, &[&parts("x")[0][..], b"x"].concat()),
        datagram(6, 1, b"x"),
    ];
    let mut capture = Capture::at(7000);
    broken.iter().for_each(|datagram| capture.udp(By::Client, datagram));
    for foreign in [&datagram(7, 1, &good)[..], &datagram(0, 1, &good), &datagram(4, 1, b"")[..24]] {
        capture.udp(By::Client, foreign);
    }
    assert_eq!(capture.told(&["-Y", "chat.broken"]).len(), broken.len());
    assert_eq!(capture.fields(&["frame.number"]).len(), broken.len(), "others use these ports too");
}

/// protocol 1.1, protocol 1.4, protocol 1.5, protocol 15.3
fn what_is_broken_is_marked() {
    let deep = |depth| format!(r#"{{"type":"x","a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let broken = [
        r#"{"type":"say""#.to_owned(),
        r#"{"type":"say",}"#.to_owned(),
        r#"{"type":"say"}x"#.to_owned(),
        r#"{"type":"sa"#.to_owned(),
        "{\"type\":\"say\",\"text\":\"a\nb\"}".to_owned(),
        r#"{"type":"say","text":"\x"}"#.to_owned(),
        r#"{"type":"say","id":1.5}"#.to_owned(),
        r#"{"type":"say","id":-1}"#.to_owned(),
        r#"{"type":"say","id":01}"#.to_owned(),
        r#"{"type":"say","id":9007199254740992}"#.to_owned(),
        r#"{"type":"say" "id":1}"#.to_owned(),
        r#"{"id":1}"#.to_owned(),
        deep(8),
    ];
    let good = [
        r#" {"type":"x","a":{"b":[1,{"c":null},true,false,"",[],{}]}, "id" : 0 } "#.to_owned(),
        r#"{"type":"\u0073ay","text":"\\ud83e\/\t"}"#.to_owned(),
        deep(7),
    ];
    let mut capture = Capture::at(7000);
    for frame in broken.iter().chain(&good) {
        capture.tcp(By::Client, &framed(frame));
        capture.udp(By::Client, frame.as_bytes());
    }
    let marked = capture.told(&["-Y", "chat.broken", "-T", "fields", "-e", "frame.number"]);
    let expected: Vec<String> = (1..=2 * broken.len()).map(|it| it.to_string()).collect();
    assert_eq!(marked, expected);
    assert_eq!(capture.fields(&["chat.type"])[2 * broken.len()..], ["x", "x", "say", "say", "x", "x"]);
    assert!(capture.column()[0].starts_with("not a frame: "));

    for wrong in [[0, 0, 0, 0], [0, 0, 0xff, 0xe4], [0xff; 4]] {
        let mut capture = Capture::at(7000);
        capture.tcp(By::Client, &framed(say("hi")));
        capture.tcp(By::Client, &[&wrong, say("hi").as_bytes()].concat());
        assert_eq!(capture.told(&["-Y", "chat.broken"]).len(), 1, "{wrong:?}");
    }
}

fn other_ports_are_found_by_how_frames_begin_or_by_a_preference() {
    let other = r#"{"id":3,"type":"ping"}"#;
    let mut capture = Capture::at(9999);
    capture.tcp(By::Client, &framed(say("hi")));
    capture.udp(By::Client, say("hi").as_bytes());
    capture.tcp(By::Client, &framed(other));
    capture.udp(By::Client, other.as_bytes());
    capture.udp(By::Client, br#"{"kind":"other"}"#);
    let told = capture.fields(&["frame.number"]);
    assert_eq!(told, ["1", "2", "3"], "a stream is ours from its first frame on, a datagram is on its own");
    let told = capture.told(&[
        "-o",
        "chat.ports:7000,9998-9999",
        "-Y",
        "chat",
        "-T",
        "fields",
        "-e",
        "frame.number",
    ]);
    assert_eq!(told, ["1", "2", "3", "4", "5"]);

    let mut foreign = Capture::at(7000);
    foreign.udp(By::Client, &[0x80, 0, 0, 1, b'{']);
    let mut elsewhere = Capture::at(9999);
    elsewhere.tcp(By::Client, b"GET / HTTP/1.1\r\n\r\n");
    elsewhere.tcp(By::Server, &framed(r#"{"kind":"other"}"#));
    for capture in [foreign, elsewhere] {
        assert_eq!(capture.fields(&["frame.number"]), [""; 0]);
    }
}

/// IPv4 without anything before it.
const LINKTYPE_IPV4: u32 = 228;
