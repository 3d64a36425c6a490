//! TCP, ICMP and IPv6 across the link, and a link whose condition changes.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Shutdown, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use chat_lab::{Direction, Lab, Running};

use crate::network::{PATIENCE, SEED, connect, link, receiver, send, until};

/// Sends bytes from the client to the server.
pub(crate) fn transfer(server: IpAddr, any: &str, length: usize) {
    let (mut client, mut accepted) = connect(server, any).expect("it connects");
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(SEED).fill(&mut bytes);
    let expected = bytes.clone();
    let sender = thread::spawn(move || {
        client.write_all(&bytes).expect("it can be sent");
        client.shutdown(Shutdown::Write).expect("it is connected");
        client
    });
    let mut arrived = Vec::new();
    accepted.read_to_end(&mut arrived).expect("it arrives");
    sender.join().expect("it sends");
    assert!(arrived == expected, "{} of {length} bytes arrived, or others", arrived.len());
}

pub(crate) fn tcp(lab: &Lab) {
    let bad = || {
        "delay=2ms,jitter=1ms,loss=1%,duplicate=2%,reorder=2%/4ms,corrupt=1%".parse().expect("it is possible")
    };
    let link = lab.link(bad(), bad(), SEED).expect("there is a link");
    transfer(link.server_address(), "0.0.0.0", 500_000);
    transfer(link.server_address_v6(), "::", 500_000);
    let counts = link.stop().expect("it worked");
    let up = counts.up;
    // With what was sent again, and both headers; of acknowledgements there is at least one for 64 kB.
    assert!(up.sent.tcp.bytes > 1_040_000, "{counts}");
    assert!(counts.down.sent.tcp.packets > 20, "{counts}");
    assert!(up.lost > 0 && up.corrupted > 0 && up.duplicated > 0 && up.reordered > 0, "{counts}");
}

/// What ICMP quotes is known again by who had sent it.
pub(crate) fn refused(lab: &Lab) {
    let link = link(lab, "");
    for (server, any) in [(link.server_address(), "0.0.0.0:0"), (link.server_address_v6(), "[::]:0")] {
        let socket = UdpSocket::bind(any).expect("there are ports");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        socket.connect((server, 9)).expect("there is a route");
        socket.send(b"anybody?").expect("a datagram can be sent");
        let error = socket.recv(&mut [0; 10]).expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{server}");
    }
    assert_eq!(link.counts().down.sent.icmp.packets, 2);
}

/// The device lets more through than one direction of the link, as when a router is between.
pub(crate) fn mtu(lab: &Lab) {
    let link = link(lab, "delay=1ms,mtu=1300");
    for (server, any) in [(link.server_address(), "0.0.0.0"), (link.server_address_v6(), "::")] {
        let before = link.counts().up.too_long;
        transfer(server, any, 200_000);
        assert!(link.counts().up.too_long > before, "{server}: {}", link.counts());
    }
}

fn arrive(link: &Running) -> usize {
    let (port, arrivals) = receiver();
    send((link.server_address(), port), 20, 100, Duration::from_millis(1));
    arrivals.join().expect("it receives").len()
}

pub(crate) fn changes(lab: &Lab) {
    let link = link(lab, "");
    assert_eq!(arrive(&link), 20);
    link.set_condition(Direction::Down, "loss=100%".parse().expect("it is possible")).expect("it is set");
    assert_eq!(arrive(&link), 20, "it was the other direction");
    link.set_condition(Direction::Up, "outage=10s@0".parse().expect("it is possible")).expect("it is set");
    assert_eq!(arrive(&link), 0);
    link.set_condition(Direction::Up, "mtu=9000".parse().expect("it is possible")).expect("it is set");
    assert_eq!(arrive(&link), 20);
    assert_eq!(link.counts().up.outage, 20);
}

/// What others do counts for nothing, what it carries does.
pub(crate) fn busy(lab: &Lab) {
    let link = link(lab, "delay=1ms");
    let busy = || link.busy().expect("it runs");
    let (before, began) = (busy(), Instant::now());
    while began.elapsed() < Duration::from_millis(300) {
        thread::yield_now();
    }
    let idle = busy() - before;
    assert!(idle < Duration::from_millis(30), "{idle:?}");
    let (before, began) = (busy(), Instant::now());
    transfer(link.server_address(), "0.0.0.0", 5_000_000);
    let (took, carried) = (busy() - before, began.elapsed());
    // More than 3,400 packets, and as many acknowledgements as there are.
    assert!(took > Duration::from_millis(3) && took <= carried, "{took:?} of {carried:?}");
}

pub(crate) fn one_at_a_time(lab: &Lab) {
    let first = link(lab, "");
    let none = || "".parse().expect("it is possible");
    lab.link(none(), none(), SEED).expect_err("there is one");
    drop(first);
    let second = link(lab, "delay=1s");
    let (port, arrivals) = receiver();
    send((second.server_address(), port), 1, 100, Duration::ZERO);
    until("it is under way", || second.counts().up.sent.udp.packets == 1);
    let counts = second.stop().expect("it worked");
    assert_eq!(counts.up.delivered.udp.packets, 0, "what is under way is gone");
    assert!(arrivals.join().expect("it receives").is_empty());
    assert_eq!(arrive(&link(lab, "")), 20);
}
