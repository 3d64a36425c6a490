//! How a client takes what comes, and what it sends.

use std::time::Duration;

use super::*;
use crate::{
    header::{MAX_CARRIED, write_frame},
    parts::split,
};

const SERVER: &str = "192.168.1.7:7000";
const TOKEN: u128 = 77;

fn client() -> ClientState {
    ClientState::new(vec![SERVER.parse().unwrap(), "[fe80::1]:7000".parse().unwrap()], TOKEN)
}

fn alone(kind: Kind, token: u128, number: u64) -> Vec<u8> {
    Header { kind, token, number }.alone()
}

fn data(token: u128, frames: &[&[u8]]) -> Vec<u8> {
    let mut datagram = alone(Kind::Data, token, 1);
    frames.iter().for_each(|frame| write_frame(frame, &mut datagram));
    datagram
}

fn receive(client: &mut ClientState, datagram: &[u8]) -> Received {
    client.receive(SERVER.parse().unwrap(), datagram, Instant::now())
}

/// Sends what has gathered: kind, number and frames of each datagram.
fn sent(client: &mut ClientState) -> Vec<(Kind, u64, Vec<Vec<u8>>)> {
    let (_, packer) = client.outgoing();
    let read = |datagram: &[u8]| {
        let (header, body) = Header::read(datagram).unwrap();
        assert_eq!(header.token, TOKEN);
        let frames = Frames::read(body).into_iter().flatten().map(<[u8]>::to_vec).collect();
        (header.kind, header.number, frames)
    };
    let sent = packer.datagrams().map(read).collect();
    packer.clear();
    sent
}

fn send(client: &mut ClientState, frame: &'static str) -> Vec<(Kind, u64, Vec<Vec<u8>>)> {
    assert!(!client.add(Bytes::from(frame)).unwrap());
    sent(client)
}

fn one(kind: Kind, number: u64, frame: &str) -> (Kind, u64, Vec<Vec<u8>>) {
    (kind, number, vec![frame.as_bytes().to_vec()])
}

/// protocol 15.9, protocol 15.10
#[test]
fn a_hello_is_proved_and_then_the_link_is_open() {
    let mut client = client();
    assert_eq!(send(&mut client, "hello"), [one(Kind::Hello, 0, "hello")]);
    assert_eq!(receive(&mut client, &alone(Kind::Challenge, TOKEN, 9)), Received::Send);
    assert_eq!(sent(&mut client), [one(Kind::Hello, 9, "hello")]);
    assert_eq!(send(&mut client, "hello"), [one(Kind::Hello, 9, "hello")], "sent again, it is the same");
    assert_eq!(receive(&mut client, &data(TOKEN, &[b"welcome", b"more"])), Received::Frames);
    assert_eq!(
        (client.next_frame().unwrap(), client.next_frame().unwrap()),
        ("welcome".into(), "more".into())
    );
    assert_eq!(client.next_frame(), None);
    assert_eq!(send(&mut client, "join"), [one(Kind::Data, 1, "join")]);
}

/// protocol 15.11
#[test]
fn a_challenge_on_an_open_link_is_met_with_a_proof_and_the_last_frame() {
    let mut client = client();
    send(&mut client, "hello");
    receive(&mut client, &data(TOKEN, &[b"welcome"]));
    send(&mut client, "one");
    send(&mut client, "two");
    let challenge = alone(Kind::Challenge, TOKEN, 9);
    assert_eq!(receive(&mut client, &challenge), Received::Send);
    assert_eq!(sent(&mut client), [(Kind::Proof, 9, vec![]), one(Kind::Data, 3, "two")]);
    assert_eq!(receive(&mut client, &challenge), Received::Nothing, "once is enough");
    assert_eq!(
        send(&mut client, "three"),
        [(Kind::Proof, 9, vec![]), one(Kind::Data, 4, "three")],
        "until the server sends a frame, the proof may have been lost"
    );
    receive(&mut client, &data(TOKEN, &[b"ack"]));
    assert_eq!(send(&mut client, "four"), [one(Kind::Data, 5, "four")]);
}

/// protocol 15.12
#[test]
fn a_link_is_gone_by_its_own_token_alone() {
    let mut client = client();
    send(&mut client, "hello");
    let gone = |token| alone(Kind::Gone, token, 0);
    assert_eq!(receive(&mut client, &gone(TOKEN)), Received::Nothing, "no server has it yet");
    receive(&mut client, &data(TOKEN, &[b"welcome"]));
    assert_eq!(receive(&mut client, &gone(TOKEN + 1)), Received::Nothing);
    let other = "192.168.1.8:7000".parse().unwrap();
    assert_eq!(client.receive(other, &gone(TOKEN), Instant::now()), Received::Nothing);
    assert_eq!(receive(&mut client, &gone(TOKEN)), Received::Gone);
}

#[test]
fn the_first_address_that_answers_is_the_server() {
    let mut client = client();
    send(&mut client, "hello");
    assert_eq!(client.outgoing().0.len(), 2);
    let (other, stranger) = ("[fe80::1]:7000".parse().unwrap(), "192.168.1.8:7000".parse().unwrap());
    let ack = data(TOKEN, &[b"ack"]);
    assert_eq!(client.receive(stranger, &ack, Instant::now()), Received::Nothing, "nothing was sent there");
    for nothing in
        [&b"nonsense"[..], br#"{"type":"welcome"}"#, &data(TOKEN + 1, &[b"x"]), &ack[..ack.len() - 1]]
    {
        assert_eq!(client.receive(other, nothing, Instant::now()), Received::Nothing);
    }
    assert_eq!(client.outgoing().0.len(), 2);
    assert_eq!(client.receive(other, &ack, Instant::now()), Received::Frames);
    assert_eq!(client.outgoing().0, [other]);
    assert_eq!(receive(&mut client, &ack), Received::Nothing, "too late");
}

/// protocol 15.19, protocol 15.20
#[test]
fn a_large_frame_comes_in_parts() {
    let mut client = client();
    send(&mut client, "hello");
    let frame: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let parts = || {
        split(&frame, TOKEN).map(|part| {
            let mut datagram = alone(Kind::Part, TOKEN, 1);
            part.write(&mut datagram);
            datagram
        })
    };
    let begun = Instant::now();
    for (late, complete) in [(Duration::from_secs(9), true), (Duration::from_secs(10), false)] {
        let mut all: Vec<Vec<u8>> = parts().collect();
        let last = all.pop().unwrap();
        for part in &all {
            client.receive(SERVER.parse().unwrap(), part, begun);
        }
        assert_eq!(client.next_frame(), None);
        client.receive(SERVER.parse().unwrap(), &last, begun + late);
        assert_eq!(client.next_frame().is_some_and(|whole| whole == frame), complete, "after {late:?}");
    }
}

/// protocol 1.3
#[test]
fn a_frame_over_the_limit_is_refused() {
    let mut client = client();
    for len in [0, MAX_CARRIED + 1] {
        let error = client.add(Bytes::from(vec![b'x'; len])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("65480"), "{error}");
    }
    assert!(client.add(Bytes::from(vec![b'x'; MAX_CARRIED])).is_ok());
}
