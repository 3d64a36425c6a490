//! Sockets at both ends of a link, and numbered datagrams.

use std::{
    io,
    net::{IpAddr, UdpSocket},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chat_lab::{Lab, Running};
use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};

pub(crate) const SEED: u64 = 11;
/// IPv4 and UDP.
pub(crate) const HEADERS: usize = 28;
/// What nothing here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// After so long nothing comes any more.
const QUIET: Duration = Duration::from_millis(1500);

/// A link with a condition upwards, and nothing downwards.
pub(crate) fn link(lab: &Lab, up: &str) -> Running {
    lab.link(up.parse().expect("it is possible"), "".parse().expect("it is possible"), SEED)
        .expect("there is a link")
}

/// What arrived: the number of each datagram, and when.
pub(crate) type Arrivals = Vec<(usize, Instant)>;

/// A server that notes what arrives until nothing has come for a while.
pub(crate) fn receiver() -> (u16, JoinHandle<Arrivals>) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("there are ports");
    // What comes while others have the processor is kept; only root can have that much.
    let _ = setsockopt(&socket, RcvBufForce, &(4 << 20));
    let port = socket.local_addr().expect("it is bound").port();
    socket.set_read_timeout(Some(QUIET)).expect("it is not zero");
    let receive = move || {
        let mut arrivals = Vec::new();
        let mut buffer = [0; 2000];
        while let Ok(length) = socket.recv(&mut buffer) {
            assert!(length >= 8, "it is one of ours");
            let number = usize::from_le_bytes(buffer[..8].try_into().expect("it is eight bytes"));
            arrivals.push((number, Instant::now()));
        }
        arrivals
    };
    (port, thread::spawn(receive))
}

/// Sends so many datagrams of this IP length with this distance, and says when each was sent.
pub(crate) fn send(to: (IpAddr, u16), count: usize, length: usize, every: Duration) -> Vec<Instant> {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("there are ports");
    socket.connect(to).expect("there is a route");
    let began = Instant::now();
    let mut times = Vec::new();
    let mut datagram = vec![0; length - HEADERS];
    for number in 0..count {
        let due = began + every * number as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        datagram[..8].copy_from_slice(&number.to_le_bytes());
        times.push(Instant::now());
        socket.send(&datagram).expect("a datagram can be sent");
    }
    times
}

/// Waits for something that is about to happen.
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Both ends of a TCP connection across the link, the server listening before.
pub(crate) fn connect(server: IpAddr, any: &str) -> io::Result<(std::net::TcpStream, std::net::TcpStream)> {
    let listener = std::net::TcpListener::bind((any, 0))?;
    let client = std::net::TcpStream::connect((server, listener.local_addr()?.port()))?;
    let (accepted, _) = listener.accept()?;
    for stream in [&client, &accepted] {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
    }
    Ok((client, accepted))
}
