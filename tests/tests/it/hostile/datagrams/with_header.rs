//! The same sockets, to which come datagrams with a header (protocol 15.16).
//!
//! Every line is a step: the number of an address, one of the letters of [`Street::step`], and what that takes.

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

use super::{
    super::{
        input::{Line, steps},
        network::Virtual,
    },
    ADDRESSES, address,
};

/// Runs a script against a server and a client.
pub fn run(script: &[u8]) {
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
    /// The cookies each address was sent.
    cookies: BTreeMap<SocketAddr, Vec<u64>>,
    client: Client,
}

/// A link the server accepted.
struct Accepted {
    link: Option<BoxLink>,
    token: u128,
    /// The addresses that have proved themselves to this link.
    proved: BTreeSet<SocketAddr>,
    /// Whether other bytes than its own were sent as a part of a frame, so that any may come out.
    spoiled: bool,
}

/// A link that was dialled, and the token its datagrams have.
struct Client {
    link: BoxLink,
    at: SocketAddr,
    token: u128,
    /// How often the last frame was sent.
    told: usize,
}

/// A datagram as the specification has it, read without the code that is tested.
struct Read<'a> {
    kind: u8,
    token: u128,
    number: u64,
    body: &'a [u8],
}

impl<'a> Read<'a> {
    fn of(datagram: &'a [u8]) -> Option<Read<'a>> {
        let body = datagram.get(25..)?;
        let token = u128::from_be_bytes(datagram[1..17].try_into().ok()?);
        let number = u64::from_be_bytes(datagram[17..25].try_into().ok()?);
        Some(Read { kind: datagram[0], token, number, body })
    }

    /// The frames in the body, if that is what it is.
    fn frames(&self) -> Option<Vec<&'a [u8]>> {
        let (mut rest, mut frames) = (self.body, Vec::new());
        while !rest.is_empty() {
            let len = usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
            frames.push(rest.get(2..2 + len).filter(|frame| !frame.is_empty())?);
            rest = &rest[2 + len..];
        }
        (!frames.is_empty()).then_some(frames)
    }
}

impl Street {
    async fn open(time: &VirtualTime) -> Street {
        let network = Virtual::default();
        let udp = Udp::over(Arc::new(network.clone()), time.shared());
        let listening =
            udp.listen(&"udp://10.0.0.1:7000".parse().expect("an address")).await.expect("it listens");
        let mut link = udp.dial(&"udp://10.0.0.9:7000".parse().expect("an address")).await.expect("it dials");
        link.send(Bytes::from_static(b"first")).await.expect("it is sent");
        let (at, _, first) = network.sent().expect("the first frame leaves");
        let token = Read::of(&first).expect("it has a header").token;
        Street {
            time: time.clone(),
            network,
            server: "10.0.0.1:7000".parse().expect("an address"),
            listening: Some(listening),
            links: Vec::new(),
            cookies: BTreeMap::new(),
            client: Client { link, at, token, told: 1 },
        }
    }

    /// One step of an address: `h`ello without a cookie, `H` with one of its own, `x` with somebody else's; `d`ata; a
    /// `p`art of a frame, `q` one that is broken; a p`R`oof; a datagram of another `k`ind; JSON with a token, `j`; the
    /// server's end of a link `s`ends, also a `l`arge frame, or is dropped, `e`; `t`ime passes, the listener is `D`ropped; what
    /// goes to the client begins with `c`.
    async fn step(&mut self, mut line: Line<'_>) {
        let from = address(line.below(ADDRESSES));
        let letter = line.letter();
        match letter {
            b't' => return self.time.pass(Duration::from_millis(line.number().min(50_000))).await,
            b'D' => {
                self.listening = None;
                return self.time.settle().await;
            }
            b'c' => return self.tell_client(from, line).await,
            b's' | b'l' | b'e' => return self.of_server(letter, &mut line).await,
            _ => {}
        }
        let token = token_of(line.below(62));
        let number = match letter {
            b'H' | b'R' => self.cookie(from, &mut line),
            b'x' => self.cookie(address(line.below(ADDRESSES)), &mut line),
            b'h' => 0,
            _ => line.number(),
        };
        let datagram = match letter {
            b'h' | b'H' | b'x' => datagram(1, token, number, &frames(&mut line)),
            b'd' => datagram(4, token, number, &frames(&mut line)),
            b'p' => datagram(5, token, number, &part(line.below(62), line.below(62))),
            b'q' => {
                let mut body = part(line.below(62), line.below(62));
                let at = line.below(62) % body.len();
                body[at] ^= 0x40;
                self.links.iter_mut().for_each(|accepted| accepted.spoiled |= accepted.token == token);
                datagram(5, token, number, &body)
            }
            b'R' => datagram(6, token, number, line.0),
            b'k' => datagram(line.letter() % 32, token, number, line.0),
            b'j' => return self.json(from, token).await,
            _ => return,
        };
        self.network.deliver(from, self.server, &datagram);
        self.time.settle().await;
        self.look(from, &datagram).await;
    }

    /// A datagram without header has no part in a link that began with one (protocol 15.8).
    async fn json(&mut self, from: SocketAddr, token: u128) {
        let datagram = format!(r#"{{"type":"ping","id":1,"link":"{}"}}"#, chat_core::token(token));
        self.network.deliver(from, self.server, datagram.as_bytes());
        self.time.settle().await;
        let is_link = self.links.iter().any(|accepted| accepted.link.is_some() && accepted.token == token);
        if let Some((_, to, answer)) = self.network.sent() {
            assert!(!is_link && to == from && answer.len() <= datagram.len());
            assert!(answer.starts_with(br#"{"type":"gone""#), "{}", answer.escape_ascii());
        }
        self.links.iter_mut().for_each(|accepted| accepted.take(from, None));
    }

    fn cookie(&self, of: SocketAddr, line: &mut Line<'_>) -> u64 {
        let cookies = self.cookies.get(&of).map(Vec::as_slice).unwrap_or_default();
        cookies.iter().rev().nth(line.below(62)).or(cookies.last()).copied().unwrap_or(7)
    }

    async fn of_server(&mut self, letter: u8, line: &mut Line<'_>) {
        let at = line.below(62);
        let Some(accepted) = self.links.get_mut(at) else { return };
        let Some(link) = &mut accepted.link else { return };
        let frame = match letter {
            b'e' => return accepted.link = None,
            b'l' => whole(line.below(62)),
            _ => b"said".to_vec(),
        };
        link.send(Bytes::from(frame)).await.expect("it is sent, or lost");
        while let Some((_, to, sent)) = self.network.sent() {
            assert!(sent.len() <= 1200 && accepted.proved.contains(&to), "{to} has proved nothing");
            assert_eq!(Read::of(&sent).map(|read| read.token), Some(accepted.token));
        }
    }

    /// Sees what the server did because of a datagram.
    async fn look(&mut self, from: SocketAddr, datagram: &[u8]) {
        let read = Read::of(datagram);
        let proves = |read: &Read<'_>| matches!(read.kind, 1 | 6) && self.has_cookie(from, read.number);
        let has_proved = read.as_ref().is_some_and(proves);
        if let Some((at, to, answer)) = self.network.sent() {
            let answer =
                Read::of(&answer).filter(|_| answer.len() <= datagram.len()).expect("no more than was sent");
            let read = read.as_ref().expect("it has a header");
            assert_eq!((at, to, answer.token, answer.body), (self.server, from, read.token, &b""[..]));
            assert!(matches!(read.kind, 1 | 4 | 5 | 6), "kind {} is answered", read.kind);
            match answer.kind {
                2 => self.cookies.entry(from).or_default().push(answer.number),
                3 => assert!(
                    read.kind != 1 && self.links.iter().all(|it| it.link.is_none() || it.token != read.token)
                ),
                kind => panic!("answered by kind {kind}"),
            }
            assert_eq!(self.network.sent(), None, "one datagram has one answer");
        }
        if let Some(Some(incoming)) = self.listening.as_mut().map(|it| it.incoming.next().now_or_never()) {
            let (incoming, read) =
                (incoming.expect("the listener does not end"), read.as_ref().expect("a header"));
            assert!(read.kind == 1 && has_proved, "a link to {from}, which has proved nothing");
            assert_eq!(incoming.peer.address, from.to_string());
            let proved = BTreeSet::from([from]);
            self.links.push(Accepted {
                link: Some(incoming.link),
                token: read.token,
                proved,
                spoiled: false,
            });
        }
        for accepted in &mut self.links {
            if has_proved && read.as_ref().is_some_and(|read| read.token == accepted.token) {
                accepted.proved.insert(from);
            }
            accepted.take(from, read.as_ref());
        }
    }

    fn has_cookie(&self, from: SocketAddr, cookie: u64) -> bool {
        self.cookies.get(&from).is_some_and(|cookies| cookies.contains(&cookie))
    }

    /// Something comes to the client, of its server or another address, with its token or another; or it sends.
    async fn tell_client(&mut self, from: SocketAddr, mut line: Line<'_>) {
        let kind = line.letter();
        if kind == b'c' {
            let _ = self.client.link.send(Bytes::from_static(b"next")).await;
            self.client.told = 0;
        } else {
            let token = if line.letter() == b'z' { 7 } else { self.client.token };
            let body = if kind % 8 == 5 { part(line.below(62), line.below(62)) } else { frames(&mut line) };
            let body = if kind.is_ascii_uppercase() { vec![] } else { body };
            self.network.deliver(from, self.client.at, &datagram(kind % 8, token, 9, &body));
            while let Some(Some(Ok(frame))) = self.client.link.next().now_or_never() {
                assert!(from == address(0) && token == self.client.token, "only the server is heard");
                assert!(frame.len() <= body.len() || kind % 8 == 5);
            }
        }
        let mut sent = 0;
        while let Some((_, to, datagram)) = self.network.sent() {
            assert_eq!(to, address(0), "only the server is sent anything");
            sent += usize::from(datagram[0] != 6);
        }
        self.client.told += sent;
        assert!(self.client.told <= 2, "a frame is sent again once");
    }

    /// Everything is dropped, and then nothing is left.
    async fn close(mut self) {
        self.links.iter_mut().for_each(|accepted| accepted.link = None);
        self.listening = None;
        self.time.pass(Duration::from_secs(100)).await;
        assert!(!self.network.is_bound(self.server), "nothing holds the socket");
    }
}

impl Accepted {
    /// Reads what came over this link because of a datagram.
    fn take(&mut self, from: SocketAddr, read: Option<&Read<'_>>) {
        let mut came = Vec::new();
        while let Some(next) = self.link.as_mut().and_then(|link| link.next().now_or_never()) {
            let Some(Ok(frame)) = next else {
                self.link = None; // another link has its address
                break;
            };
            came.push(frame);
        }
        if came.is_empty() {
            return;
        }
        let read = read.expect("frames come from a datagram with a header");
        assert_eq!(read.token, self.token, "frames of another link");
        assert!(self.proved.contains(&from), "{from} has proved nothing");
        match read.kind {
            1 | 4 => {
                assert_eq!(came, read.frames().expect("it has frames"), "what is delivered is what was sent")
            }
            5 => {
                assert!(came.len() == 1 && came[0].len() <= 65_480, "one frame");
                assert!(self.spoiled || (0..62).any(|seed| came[0] == whole(seed)), "a frame of other bytes");
            }
            kind => panic!("kind {kind} brings {} frames", came.len()),
        }
    }
}

fn token_of(number: usize) -> u128 {
    0x9000_0000_0000_0000_0000_0000_0000_0000 + number as u128
}

fn datagram(kind: u8, token: u128, number: u64, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &token.to_be_bytes(), &number.to_be_bytes(), body].concat()
}

/// Some frames, as many as a line says.
fn frames(line: &mut Line<'_>) -> Vec<u8> {
    let frame = |number: usize| [&(number as u16 + 1).to_be_bytes()[..], &vec![b'x'; number + 1]].concat();
    (0..line.below(8)).flat_map(frame).collect()
}

/// A frame of several parts, each time the same.
fn whole(seed: usize) -> Vec<u8> {
    let len = [1, 1024, 1025, 3000, 20_000, 65_480][seed % 6];
    vec![seed as u8 + b'0'; len]
}

fn part(seed: usize, place: usize) -> Vec<u8> {
    let whole = whole(seed);
    let parts: Vec<&[u8]> = whole.chunks(1024).collect();
    let place = place % parts.len();
    let len = whole.len() as u16;
    [&(seed as u64).to_be_bytes()[..], &len.to_be_bytes(), &[place as u8], parts[place]].concat()
}
