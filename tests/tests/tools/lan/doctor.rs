//! `chat doctor` finds what is broken, and says what to do about the first thing that is.

use std::collections::BTreeMap;

use serde_json::Value;

use chat_testkit::needs::Need;
use libtest_mimic::Trial;

use super::{NETWORK, network::Host, on_a_network};
use crate::harness::{PATIENCE, Process, Server, program};

/// The tests of this module and what they need.
pub(super) fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[NETWORK] => {
            where_everything_works_it_says_so_and_how_well,
            where_there_is_no_server_it_says_how_to_get_one,
            of_a_host_both_ways_are_expected_and_of_a_url_the_one_that_was_named,
            a_server_with_a_password_wants_one,
        }
        &[NETWORK, Need::Tool("nft")] => {
            a_firewall_that_drops_udp_is_found,
            where_datagrams_of_1200_bytes_get_through_frames_of_every_size_do,
            a_way_that_loses_large_datagrams_is_found,
            multicast_that_does_not_get_through_is_found_on_this_machine_and_beyond,
        }
        &[NETWORK, Need::Tool("python3")] => {
            a_server_of_another_version_and_what_is_no_server_are_told_apart,
        }
    }
}

/// What the doctor says.
#[derive(Debug)]
struct Report {
    status: Option<i32>,
    /// Outcome and text of each step.
    steps: BTreeMap<String, (String, String)>,
    advice: String,
    values: BTreeMap<String, Value>,
}

fn doctor(host: &Host, args: &[&str]) -> Report {
    let (status, lines, errors) = host.chat(&[&["doctor", "--json"], args].concat()).exit(PATIENCE);
    assert_eq!(errors, "");
    let lines: Vec<Value> = lines.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    let word = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    let (verdict, steps) = lines.split_last().unwrap();
    assert_eq!(word(verdict, "step"), "verdict");
    let values = steps.iter().flat_map(|it| it.as_object().unwrap().clone()).collect();
    let steps = steps.iter().map(|it| (word(it, "step"), (word(it, "outcome"), word(it, "text")))).collect();
    Report { status: status.code(), steps, advice: word(verdict, "advice"), values }
}

impl Report {
    #[track_caller]
    fn expect(&self, step: &str, outcome: &str, text: &str) {
        let found = self.steps.get(step).unwrap_or_else(|| panic!("no {step}: {self:?}"));
        assert!(found.0 == outcome && found.1.contains(text), "{step}: {found:?} of {self:?}");
    }

    #[track_caller]
    fn ends(&self, status: i32, advice: &str) {
        assert!(self.status == Some(status) && self.advice.contains(advice), "{self:?}");
    }
}

fn serve_at(host: &Host, url: &str, more: &[&str]) -> Server {
    Server::announced_at(&mut host.command(program()), &[url], &[&["--name", "office"], more].concat())
}

fn where_everything_works_it_says_so_and_how_well() {
    on_a_network(2, |network| {
        let _server = network.hosts[0].serve("office");
        let report = doctor(&network.hosts[1], &[]);
        report.expect("network", "ok", "eth0 10.77.0.2/24");
        report.expect("multicast", "ok", "sent on eth0; answers from other machines: 1");
        report.expect("server", "ok", "found: office (tcp://10.77.0.1:7000)");
        report.expect("tcp", "ok", "tcp://10.77.0.1:7000 answers");
        report.expect("udp", "ok", "udp://10.77.0.1:7000 answers");
        report.expect("version", "ok", "chat ");
        report.expect("clock", "ok", "");
        report.expect(
            "datagram",
            "ok",
            "65443 bytes, the largest there are; in both directions, in parts and as one",
        );
        report.expect("round trip", "ok", "udp ");
        report.ends(0, "");
        assert!(report.values["clock_ahead_ms"].as_i64().unwrap().abs() < 1000, "{report:?}");
    });
}

fn where_there_is_no_server_it_says_how_to_get_one() {
    on_a_network(2, |network| {
        let report = doctor(&network.hosts[1], &[]);
        report.expect("server", "bad", "none was found");
        report.ends(1, "chat serve");
        let report = doctor(&network.hosts[1], &["10.77.0.1"]);
        report.expect("tcp", "bad", "refused");
        report.ends(1, "no program listens at TCP port 7000");
        let report = doctor(&network.hosts[1], &["10.77.0.9"]);
        report.expect("tcp", "bad", "cannot reach");
        report.expect("version", "skipped", "");
        assert_eq!(report.status, Some(1));
        let report = doctor(&network.hosts[1], &["nowhere.invalid"]);
        report.expect("name", "bad", "nowhere.invalid is not known");
        report.ends(1, "check the spelling");
    });
}

fn of_a_host_both_ways_are_expected_and_of_a_url_the_one_that_was_named() {
    on_a_network(2, |network| {
        let _server = serve_at(&network.hosts[0], "udp://0.0.0.0:7000", &[]);
        let report = doctor(&network.hosts[1], &["10.77.0.1"]);
        report.expect("tcp", "bad", "refused");
        report.expect("udp", "ok", "answers");
        report.expect("datagram", "ok", "65443");
        report.ends(1, "no program listens at TCP port 7000");
        let report = doctor(&network.hosts[1], &["udp://10.77.0.1:7000"]);
        report.expect("tcp", "odd", "refused");
        report.expect("udp", "ok", "answers");
        report.ends(0, "");
    });
}

fn a_firewall_that_drops_udp_is_found() {
    on_a_network(2, |network| {
        let _server = network.hosts[0].serve("office");
        network.hosts[1].block("udp sport 7000").unwrap();
        let report = doctor(&network.hosts[1], &["10.77.0.1"]);
        report.expect("tcp", "ok", "answers");
        report.expect("udp", "bad", "no answer");
        report.expect("version", "ok", "chat ");
        report.ends(1, "drops UDP port 7000: allow it");
    });
}

/// protocol 15.19: fragments of IP are not needed
fn where_datagrams_of_1200_bytes_get_through_frames_of_every_size_do() {
    on_a_network(2, |network| {
        let _server = network.hosts[0].serve("office");
        let [server, client] = &network.hosts[..] else { panic!("there are two hosts") };
        client.block("udp sport 7000 udp length > 1208").unwrap();
        let report = doctor(client, &["10.77.0.1"]);
        report.expect("datagram", "odd", "65443 bytes get through in parts");
        report.expect("datagram", "odd", "reaches the server, but none comes from there");
        report.ends(0, "fragments of IP");
        server.block("udp dport 7000 udp length > 1208").unwrap();
        let report = doctor(client, &["10.77.0.1"]);
        report.expect("datagram", "odd", "does not reach the server");
        report.ends(0, "fragments of IP");
    });
}

fn a_way_that_loses_large_datagrams_is_found() {
    on_a_network(2, |network| {
        let _server = network.hosts[0].serve("office");
        network.hosts[0].block("udp dport 7000 udp length > 600").unwrap();
        let report = doctor(&network.hosts[1], &["10.77.0.1"]);
        let largest = report.values["largest_frame"].as_u64().unwrap();
        // 8 bytes of UDP, 25 of our header, 2 of the frame's length; and the limit is found to 32 bytes
        assert!((533..=565).contains(&largest), "{largest}");
        report.expect("datagram", "odd", &format!("up to some {largest} bytes"));
        report.ends(0, "over UDP");
    });
}

fn multicast_that_does_not_get_through_is_found_on_this_machine_and_beyond() {
    on_a_network(2, |network| {
        let _server = network.hosts[0].serve("office");
        network.hosts[1].block("ip saddr 10.77.0.1 ip daddr 224.0.0.251").unwrap();
        let report = doctor(&network.hosts[1], &["10.77.0.1"]);
        report.expect("multicast", "odd", "no other machine answers");
        report.ends(0, "the network blocks multicast");
        network.hosts[1].block("ip daddr 224.0.0.251").unwrap();
        let report = doctor(&network.hosts[1], &["10.77.0.1"]);
        report.expect("multicast", "odd", "this machine does not receive it");
        report.expect("tcp", "ok", "answers");
        report.ends(0, "allow incoming UDP port 5353");
    });
}

fn a_server_of_another_version_and_what_is_no_server_are_told_apart() {
    on_a_network(1, |network| {
        let host = &network.hosts[0];
        for (said, step, text, advice) in [
            ("error", "tcp", "it speaks 9", "the message says why it is not joined"),
            (
                "HTTP/1.1 400 Bad Request\\r\\n\\r\\n",
                "tcp",
                "does not speak this protocol",
                "another program",
            ),
            ("", "tcp", "closes the connection without an answer", "another program"),
        ] {
            let mut other = Process::run(host.command("python3").args(["-c", OTHER, said]));
            assert_eq!(other.line(), "listening");
            let report = doctor(host, &["tcp://127.0.0.1:7000"]);
            report.expect(step, "bad", text);
            report.ends(1, advice);
        }
    });
}

/// Somebody else's server: answers one frame after the other with a refusal, or with what it was told to say.
const OTHER: &str = r#"
import json, socket, struct, sys
error = {"type": "error", "code": "bad_protocol", "message": "it speaks 9"}
s = socket.create_server(("127.0.0.1", 7000))
print("listening", flush=True)
while True:
    c, _ = s.accept()
    c.recv(65536)
    body = json.dumps(error).encode()
    said = sys.argv[1].encode().decode("unicode_escape").encode()
    c.sendall(struct.pack(">I", len(body)) + body if said == b"error" else said)
    c.shutdown(socket.SHUT_WR)
    c.recv(65536)
"#;

fn a_server_with_a_password_wants_one() {
    on_a_network(1, |network| {
        let host = &network.hosts[0];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "sesame\n").unwrap();
        let password = ["--password-file", file.path().to_str().unwrap()];
        let _server = serve_at(host, "tcp://127.0.0.1:7000", &password);
        let report = doctor(host, &["tcp://127.0.0.1:7000"]);
        report.expect("tcp", "ok", "answers");
        report.expect("version", "bad", "the server refuses the session");
        report.ends(1, "--password-file");
        let report = doctor(host, &[&["tcp://127.0.0.1:7000"], &password[..]].concat());
        report.expect("version", "ok", "chat ");
        assert_eq!(report.status, Some(0));
    });
}
