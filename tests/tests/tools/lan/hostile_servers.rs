//! A network on which somebody lies: about names, about addresses, and at length.

use chat_testkit::needs::Need;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::{NETWORK, network::Host, on_a_network};
use crate::harness::{PATIENCE, Process, Server, program};

/// The tests of this module and what they need.
pub(super) fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[NETWORK, Need::Tool("python3")] => {
            hostile_announcements_are_harmless_and_everything_else_goes_on,
            a_password_is_sent_to_no_server_that_only_has_the_name,
        }
    }
}

fn lie(host: &Host, script: &str) -> Process {
    let mut liar = Process::run(host.command("python3").args(["-c", script]));
    assert_eq!(liar.line(), "ready");
    liar
}

/// protocol 18.2, protocol 18.11, protocol 18.12
fn hostile_announcements_are_harmless_and_everything_else_goes_on() {
    on_a_network(4, |network| {
        let _office = network.hosts[0].serve("office");
        let _liars = [lie(&network.hosts[1], ANSWERS), lie(&network.hosts[2], MDNS)];
        let (status, lines, errors) = network.hosts[3].chat(&["discover"]).exit(PATIENCE);
        assert!(status.success(), "{errors}");
        assert!(lines.iter().all(|it| !it.contains(char::is_control)), "{lines:?}");
        let of = |name: &str| lines.iter().filter(|it| it.contains(name)).count();
        assert_eq!((of("office"), of("answers"), of("multicast")), (1, 1, 1), "{lines:?}");
        // Who answers a probe speaks for its own address alone.
        for elsewhere in ["127.0.0.1", "10.77.0.99", ":9100"] {
            assert!(lines.iter().all(|it| !it.contains(elsewhere)), "{lines:?}");
        }

        let mut chat = network.hosts[3].chat(&["--name", "ana"]);
        chat.type_line("hi");
        chat.end_input();
        let (status, lines, errors) = chat.exit(PATIENCE);
        assert!(status.success(), "{errors}");
        let said = lines.join("\n");
        assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{said:?}");
        assert_eq!(lines.iter().filter(|it| it.starts_with("-- no answer from ")).count(), 2, "{lines:?}");
        assert!(lines.contains(&"-- joining office at tcp://10.77.0.1:7000".to_owned()), "{lines:?}");
        assert!(lines.last().unwrap().ends_with("<ana> hi"), "{lines:?}");
    });
}

/// protocol 18: announcements prove nothing, so a password is sent only where it was given for.
fn a_password_is_sent_to_no_server_that_only_has_the_name() {
    on_a_network(3, |network| {
        let [office, thief, victim] = &network.hosts[..] else { panic!("there are three hosts") };
        let file = victim.home().join("password");
        std::fs::write(&file, "open-sesame\n").unwrap();
        let with_password = ["--password-file", file.to_str().unwrap()];
        let serve = [&["--name", "office"], &with_password[..]].concat();
        let server = Server::announced_at(&mut office.command(program()), &["tcp://0.0.0.0:7000"], &serve);
        let join = || {
            let mut chat = victim.chat(&[&["--name", "ana"], &with_password[..]].concat());
            chat.type_line("hi");
            chat.end_input();
            let (status, _, errors) = chat.exit(PATIENCE);
            (status.success(), errors)
        };
        let (joined, errors) = join();
        assert!(!joined && errors.contains("given for no server yet"), "{errors}");
        let send = ["send", "tcp://10.77.0.1", "--room", "lobby", "--name", "ana", "hello"];
        let (status, _, errors) = victim.chat(&[&send, &with_password[..]].concat()).exit(PATIENCE);
        assert!(status.success(), "{errors}");
        assert_eq!(join(), (true, String::new()), "the password was given for that address");
        server.signal(Signal::SIGTERM);
        assert!(server.exit(PATIENCE).success());
        let mut thief = lie(thief, THIEF);
        let (joined, errors) = join();
        assert!(!joined && errors.contains("it was given for 10.77.0.1:7000"), "{errors}");
        let heard: Vec<String> = (0..2).map(|_| thief.line()).collect();
        assert!(heard[1].contains("\"type\":\"secure\""), "{heard:?}");
        let is_told = |words: &str| heard.iter().any(|frame| frame.contains(words));
        assert!(!is_told("open-sesame") && !is_told("ana"), "{heard:?}");
    });
}

/// Claims to be the office, prints what it is told, and asks for a password.
const THIEF: &str = r#"
import json, socket, struct, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("", 7001))
t = socket.create_server(("", 7000))
def answer():
    while True:
        data, sender = u.recvfrom(65507)
        here = {"type": "here", "token": json.loads(data)["token"], "id": "AAAAAAAAAAAAAAAAAAAAAA", "name": "office",
                "protocol": 1, "rooms": 1, "urls": ["tcp://10.77.0.2:7000", "tcp://10.77.0.1:7000"]}
        u.sendto(json.dumps(here).encode(), sender)
threading.Thread(target=answer, daemon=True).start()
print("ready", flush=True)
while True:
    c, _ = t.accept()
    frame = c.recv(struct.unpack(">I", c.recv(4, socket.MSG_WAITALL))[0], socket.MSG_WAITALL).decode()
    print(frame, flush=True)
    code = "bad_protocol" if json.loads(frame)["protocol"] == 0 else "bad_password"
    error = json.dumps({"type": "error", "code": code, "message": "no"}).encode()
    c.sendall(struct.pack(">I", len(error)) + error)
    c.close()
"#;

/// Answers every probe with nonsense, and with a server whose name does harm and that is nowhere.
const ANSWERS: &str = r#"
import json, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7001))
print("ready", flush=True)
while True:
    data, sender = s.recvfrom(65507)
    token = json.loads(data)["token"]
    here = {"type": "here", "token": token, "id": "AAAAAAAAAAAAAAAAAAAAAA", "name": "\x1b[2J\x1b]0;answers\x07\u202e",
            "software": "\x9b2J" * 50, "protocol": 1, "rooms": 9007199254740991,
            "urls": ["tcp://10.77.0.99:7000", "tcp://10.77.0.1:9100", "tcp://10.77.0.2:7000", "tcp://127.0.0.1:7000", "nonsense", "tcp://0.0.0.0:1", "x://\x1b"]}
    for wrong in [b"", b"{", b"\xff" * 1400, b"[" * 1200, json.dumps(here | {"token": "guess"}).encode(),
                  json.dumps(here | {"id": "BAAAAAAAAAAAAAAAAAAAAA", "protocol": -1}).encode(),
                  json.dumps(here | {"id": "CAAAAAAAAAAAAAAAAAAAAA", "urls": ["tcp://224.0.0.1:1"]}).encode()]:
        s.sendto(wrong, sender)
    s.sendto(json.dumps(here).encode(), sender)
"#;

/// Announces a server whose name does harm at an address where nobody is, and one without any sense.
const MDNS: &str = r#"
import socket, struct
def name(*labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
def record(owner, kind, data):
    return owner + struct.pack(">HHIH", kind, 1, 120, len(data)) + data
def service(instance, texts):
    kind = name(b"_chat", b"_tcp", b"local")
    instance = name(instance, b"_chat", b"_tcp", b"local")
    host = name(b"liar", b"local")
    text = b"".join(bytes([len(text)]) + text for text in texts)
    records = [record(kind, 12, instance), record(instance, 33, struct.pack(">HHH", 0, 0, 9) + host),
               record(instance, 16, text), record(host, 1, socket.inet_aton("10.77.0.98"))]
    return struct.pack(">HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)
lies = [service(b"\x1b]0;evil\x07\x1b[2J", [b"id=DAAAAAAAAAAAAAAAAAAAAA", b"name=\x1b[31mmulticast\xc2\x9b2J", b"protocol=1", b"rooms=many"]),
        service(b"nothing", [b"id=\x1b", b"name=nonsense"]), b"\xff" * 500]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 5353))
own = socket.inet_aton("10.77.0.3")
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.251") + own)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
print("ready", flush=True)
while True:
    data, sender = s.recvfrom(65507)
    if sender[0] != "10.77.0.3":
        for lie in lies:
            s.sendto(lie, ("224.0.0.251", 5353))
"#;
