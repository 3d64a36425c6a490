//! The server's socket, and one of a client, to which anybody sends anything.
//!
//! Every line is a step: the number of an address, and then a datagram that begins with `{` or one of the letters of
//! [`Street::step`]. A script whose first line is `header` is one for [`with_header`].

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use chat_core::transport::{BoxLink, Listening, Transport};
use chat_testkit::virtual_time::VirtualTime;
use chat_udp::Udp;
use futures::{FutureExt, SinkExt, StreamExt};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{
    input::{Line, steps},
    network::Virtual,
};

#[path = "datagrams/with_header.rs"] // the fuzzer names this file by its path
mod with_header;

/// Runs a script against a server and a client.
pub fn run(script: &[u8]) {
    if let Some(script) = script.strip_prefix(b"header\n") {
        return with_header::run(script);
    }
    let time = VirtualTime::new(script.len() as u64);
    time.run(async {
        let mut street = Street::open(&time).await;
        for line in steps(script) {
            street.step(line).await;
        }
        street.close().await;
    });
}

struct Street {
    time: VirtualTime,
    network: Virtual,
    server: SocketAddr,
    listening: Option<Listening>,
    links: Vec<Accepted>,
    dialled: BoxLink,
    client: SocketAddr,
    /// What the client said last, and how often it was sent.
    told: usize,
    /// By address: what came from it and went to it before it proved itself, in bytes.
    ledger: BTreeMap<SocketAddr, (usize, usize)>,
    proved: BTreeSet<SocketAddr>,
    /// The cookies each address was sent.
    cookies: BTreeMap<SocketAddr, Vec<String>>,
}

/// A link the server accepted, and what is known of it.
struct Accepted {
    link: Option<BoxLink>,
    token: String,
    hello: Value,
    /// Where its client was last.
    at: SocketAddr,
}

impl Street {
    async fn open(time: &VirtualTime) -> Street {
        let network = Virtual::default();
        let udp = Udp::over(Arc::new(network.clone()), time.shared());
        let listening =
            udp.listen(&"udp://10.0.0.1:7000".parse().expect("an address")).await.expect("it listens");
        let dialled = udp.dial(&"udp://10.0.0.9:7000".parse().expect("an address")).await.expect("it dials");
        let client = "0.0.0.0:50001".parse().expect("an address");
        assert!(network.is_bound(client));
        Street {
            time: time.clone(),
            network,
            server: "10.0.0.1:7000".parse().expect("an address"),
            listening: Some(listening),
            links: Vec::new(),
            dialled,
            client,
            told: 0,
            ledger: BTreeMap::new(),
            proved: BTreeSet::new(),
            cookies: BTreeMap::new(),
        }
    }

    /// One step of an address: `h`ello without a cookie, `H` with one of its own, `x` with somebody else's; a frame of a
    /// `l`ink, `L` with a cookie, `u` of a link that is not known; the server's end of a link `s`ays something or is
    /// `d`ropped; `t`ime passes, the listener is `D`ropped; what goes to the client begins with `c`.
    async fn step(&mut self, mut line: Line<'_>) {
        let from = address(line.below(ADDRESSES));
        if line.0.first() == Some(&b'{') {
            return self.arrive(from, line.0).await;
        }
        let kind = line.letter();
        let datagram = match kind {
            b'c' => return self.tell_client(from, line).await,
            b't' => return self.time.pass(Duration::from_millis(line.number().min(50_000))).await,
            b'D' => {
                self.listening = None;
                return self.time.settle().await;
            }
            b's' | b'd' => {
                let at = line.below(62);
                let Some(link) = self.links.get_mut(at) else { return };
                if kind == b'd' {
                    link.link = None;
                } else if let Some(link) = &mut link.link {
                    let pong = format!(r#"{{"type":"pong","x":{}}}"#, Value::from(line.text()));
                    link.send(Bytes::from(pong)).await.expect("it is sent, or lost");
                }
                return self.look(None).await;
            }
            b'h' => format!(r#"{{"type":"hello","n":{}}}"#, pad(&mut line)),
            b'H' => self.with_cookie(from, format!(r#"{{"type":"hello","n":{}"#, pad(&mut line)), &mut line),
            b'x' => {
                let other = address(line.below(ADDRESSES));
                self.with_cookie(other, format!(r#"{{"type":"hello","n":{}"#, pad(&mut line)), &mut line)
            }
            b'l' | b'L' | b'u' => {
                let token = self.links.get(line.below(62)).filter(|_| kind != b'u');
                let token = token.map_or("u8yVb1yd0Yx2bq3fJQkq9g", |it| &it.token);
                let frame = format!(r#"{{"type":"say","link":"{token}","n":{}"#, pad(&mut line));
                if kind == b'L' { self.with_cookie(from, frame, &mut line) } else { frame + "}" }
            }
            _ => return self.arrive(from, line.0).await,
        };
        self.arrive(from, datagram.as_bytes()).await;
    }

    fn with_cookie(&self, of: SocketAddr, begun: String, line: &mut Line<'_>) -> String {
        let cookies = self.cookies.get(&of).map(Vec::as_slice).unwrap_or_default();
        let back = line.below(62);
        let cookie = cookies.iter().rev().nth(back).or(cookies.last()).map_or("p1s0zqW8J6k", String::as_str);
        format!(r#"{begun},"cookie":"{cookie}"}}"#)
    }

    /// A datagram comes to the server, and whatever follows from it.
    async fn arrive(&mut self, from: SocketAddr, datagram: &[u8]) {
        if datagram.first().is_some_and(|byte| *byte < b' ' && !byte.is_ascii_whitespace()) {
            return; // the other model has these
        }
        let is_json = str::from_utf8(datagram).is_ok_and(|it| serde_json::from_str::<IgnoredAny>(it).is_ok());
        if is_json && serde_json::from_slice::<Value>(datagram).is_err() {
            return; // what is wrong is in a string that is skipped (1.8), and this model reads them all
        }
        let was_read = self.network.deliver(from, self.server, datagram);
        if was_read {
            self.ledger.entry(from).or_default().0 += datagram.len();
            let value = serde_json::from_slice::<Value>(datagram).unwrap_or_default();
            let proves = |it: &String| value["cookie"] == **it;
            if self.cookies.get(&from).is_some_and(|it| it.iter().any(proves)) {
                self.proved.insert(from);
            }
        }
        self.look(Some((from, datagram))).await;
    }

    /// Sees what the server did, because of `cause` if there is one.
    async fn look(&mut self, cause: Option<(SocketAddr, &[u8])>) {
        self.time.settle().await;
        let value = cause.and_then(|(_, it)| serde_json::from_slice::<Value>(it).ok()).unwrap_or_default();
        self.answers(cause, &value);
        while let Some(Some(incoming)) = self.listening.as_mut().map(|it| it.incoming.next().now_or_never()) {
            let incoming = incoming.expect("the listener does not end");
            let (from, _) = cause.expect("a link comes from a datagram");
            assert!(self.proved.contains(&from), "a link to {from}, which has proved nothing");
            assert_eq!((value["type"].as_str(), incoming.peer.address), (Some("hello"), from.to_string()));
            let mut accepted = Accepted { link: None, token: String::new(), hello: bare(&value), at: from };
            let mut link = incoming.link;
            link.send(Bytes::from_static(br#"{"type":"welcome"}"#)).await.expect("it is sent");
            let (_, to, welcome) = self.network.sent().expect("a welcome leaves");
            let welcome: Value = serde_json::from_slice(&welcome).expect("it is JSON");
            assert_eq!(to, from, "who said hello is welcomed");
            accepted.token = welcome["link"].as_str().expect("a welcome has a token").to_owned();
            assert!(self.links.iter().all(|it| it.token != accepted.token), "a token is new");
            accepted.link = Some(link);
            self.links.push(accepted);
        }
        let mut delivered = 0;
        for accepted in &mut self.links {
            while let Some(next) = accepted.link.as_mut().and_then(|it| it.next().now_or_never()) {
                let Some(Ok(frame)) = next else {
                    accepted.link = None; // somebody else has taken its place
                    break;
                };
                delivered += 1;
                let (from, datagram) = cause.expect("a frame comes from a datagram");
                accepted.takes(&frame, from, datagram, &value);
                assert!(self.proved.contains(&from), "{from} has proved nothing");
            }
        }
        assert!(delivered <= 1, "a datagram is one frame of one link");
    }

    /// What was sent because of a datagram.
    fn answers(&mut self, cause: Option<(SocketAddr, &[u8])>, value: &Value) {
        let mut answers = 0;
        while let Some((from, to, sent)) = self.network.sent() {
            assert_eq!(from, self.server);
            let said: Value = serde_json::from_slice(&sent).expect("it is JSON");
            if said["type"] == "pong" {
                assert!(self.proved.contains(&to), "{to} has proved nothing and is sent {said}");
                continue;
            }
            let (asker, datagram) = cause.expect("nothing is answered that was not asked");
            answers += 1;
            assert_eq!(to, asker, "who asks is answered");
            assert!(sent.len() <= datagram.len() && answers == 1, "more than was asked: {said}");
            assert!(value["type"] != "challenge" && value["type"] != "gone", "{said} to {value}");
            let is_link = value["link"].is_string();
            match said["type"].as_str() {
                Some("challenge") if is_link || value["type"] == "hello" => {
                    let cookie = said["cookie"].as_str().expect("a challenge has a cookie").to_owned();
                    self.cookies.entry(to).or_default().push(cookie);
                }
                Some("gone") if is_link => assert_eq!(said["link"], value["link"]),
                _ => panic!("{value} is answered by {said}"),
            }
            let ledger = self.ledger.entry(to).or_default();
            ledger.1 += sent.len();
            assert!(ledger.1 <= ledger.0, "{to} sent {} bytes and is sent {}", ledger.0, ledger.1);
        }
    }

    /// Something comes to the client, from the server it dialled or another address; or the client says something.
    async fn tell_client(&mut self, from: SocketAddr, mut line: Line<'_>) {
        if line.0.first() == Some(&b'c') {
            let _ = self.dialled.send(Bytes::from_static(br#"{"type":"hello"}"#)).await;
            self.told = 0;
        } else {
            self.network.deliver(from, self.client, line.0);
        }
        while let Some(Some(next)) = self.dialled.next().now_or_never() {
            let Ok(frame) = next else { break };
            assert_eq!(from, address(0), "only the server is heard");
            assert!(frame.len() <= line.0.len().max(1));
        }
        while let Some((_, to, sent)) = self.network.sent() {
            assert_eq!(to, address(0), "only the server is spoken to");
            self.told += 1;
            assert!(self.told <= 2, "what was said is said again once: {}", sent.escape_ascii());
        }
        line.text();
    }

    /// Everything is dropped, and then nothing is left.
    async fn close(mut self) {
        self.links.iter_mut().for_each(|it| it.link = None);
        self.time.pass(Duration::from_secs(100)).await;
        if self.listening.is_some() {
            for at in 0..self.links.len().min(10) {
                let frame = format!(r#"{{"type":"say","link":"{}","n":1000}}"#, self.links[at].token);
                self.network.deliver(self.links[at].at, self.server, frame.as_bytes());
                self.time.settle().await;
                let (_, _, said) = self.network.sent().expect("a link that is no more is gone");
                assert!(said.starts_with(br#"{"type":"gone""#), "{}", said.escape_ascii());
                self.time.pass(Duration::from_secs(1)).await;
            }
        }
        self.listening = None;
        self.time.settle().await;
        assert!(!self.network.is_bound(self.server), "nobody holds the socket, and what belongs to it");
    }
}

impl Accepted {
    /// A frame was read from this link, and this datagram brought it.
    fn takes(&mut self, frame: &[u8], from: SocketAddr, datagram: &[u8], value: &Value) {
        let read: Value = serde_json::from_slice(frame).expect("a frame is what was sent");
        assert!(frame.len() <= datagram.len());
        assert_eq!(bare(&read), bare(value), "what is delivered is what was sent");
        if value["link"].is_string() {
            assert_eq!(value["link"], *self.token, "a frame of another link");
            assert!(from == self.at || value["cookie"].is_string(), "it moved to {from} without a cookie");
            self.at = from;
        } else {
            assert_eq!((bare(value), from), (self.hello.clone(), self.at), "not the hello of this link");
        }
    }
}

/// A frame without what the transport adds.
fn bare(frame: &Value) -> Value {
    let mut frame = frame.clone();
    if let Some(fields) = frame.as_object_mut() {
        fields.remove("link");
        fields.remove("cookie");
    }
    frame
}

/// A number as long as a line says, so that datagrams have all sizes.
fn pad(line: &mut Line<'_>) -> String {
    "1".repeat((line.number() as usize % 70).max(1))
}

/// Addresses that people have: two ports of one host, other hosts, this machine, and what nobody can have.
fn address(number: usize) -> SocketAddr {
    [
        "10.0.0.9:7000",
        "10.0.0.2:5000",
        "10.0.0.2:5001",
        "10.0.0.3:5000",
        "127.0.0.1:5000",
        "[fe80::2]:5000",
        "10.0.0.4:0",
        "10.0.0.1:7000",
        "255.255.255.255:9",
        "224.0.0.1:9",
    ][number]
        .parse()
        .expect("an address")
}

const ADDRESSES: usize = 10;
