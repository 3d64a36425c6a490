//! What stands between a client and a server over TCP: it reads whole frames and does to each what a test says.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    thread,
};

use super::super::harness::framed;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    Down,
}

/// What becomes of a frame.
pub enum Act {
    /// These go on in its place.
    Pass(Vec<Vec<u8>>),
    /// The sender gets this frame in return, and the receiver nothing.
    Answer(Vec<u8>),
    /// The connection ends.
    Cut,
}

/// Frames pass until the proxy is dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    act: Box<dyn Fn(Direction, usize, Vec<u8>) -> Act + Send + Sync>,
    target: AtomicU16,
    ended: AtomicBool,
    seen: Mutex<Vec<(Direction, Vec<u8>)>>,
}

impl Proxy {
    /// A proxy before the server at `target`. `act` is asked about each frame, with its number in its direction of its
    /// connection.
    pub fn start(
        target: u16,
        act: impl Fn(Direction, usize, Vec<u8>) -> Act + Send + Sync + 'static,
    ) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            act: Box::new(act),
            target: AtomicU16::new(target),
            ended: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        let proxy = Proxy { port, shared: shared.clone() };
        thread::spawn(move || {
            for near in listener.incoming() {
                let target = shared.target.load(Ordering::Relaxed);
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(near), Ok(far)) = (near, TcpStream::connect((Ipv4Addr::LOCALHOST, target))) else {
                    return;
                };
                for (direction, from, to) in [(Direction::Up, &near, &far), (Direction::Down, &far, &near)] {
                    let (from, to) = (from.try_clone().expect("open"), to.try_clone().expect("open"));
                    let shared = shared.clone();
                    thread::spawn(move || shared.forward(direction, from, to));
                }
            }
        });
        proxy
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// Later connections go to this server.
    pub fn lead_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::Relaxed);
    }

    /// The frames that came from one side, of all connections.
    pub fn frames(&self, direction: Direction) -> Vec<Vec<u8>> {
        let seen = self.shared.seen.lock().expect("nobody panics with it");
        seen.iter().filter(|(way, _)| *way == direction).map(|(_, frame)| frame.clone()).collect()
    }

    /// Whether `text` was in any frame.
    pub fn has_seen(&self, text: &str) -> bool {
        let seen = self.shared.seen.lock().expect("nobody panics with it");
        seen.iter().any(|(_, frame)| frame.windows(text.len()).any(|bytes| bytes == text.as_bytes()))
    }
}

impl Shared {
    fn forward(&self, direction: Direction, mut from: TcpStream, mut to: TcpStream) {
        for number in 0.. {
            let Some(frame) = read_frame(&mut from) else { break };
            self.seen.lock().expect("nobody panics with it").push((direction, frame.clone()));
            let (frames, back) = match (self.act)(direction, number, frame) {
                Act::Pass(frames) => (frames, None),
                Act::Answer(frame) => (Vec::new(), Some(frame)),
                Act::Cut => break,
            };
            let passed = frames.iter().all(|frame| to.write_all(&framed(frame)).is_ok());
            if !passed || back.is_some_and(|frame| from.write_all(&framed(frame)).is_err()) {
                break;
            }
        }
        for stream in [from, to] {
            let _ = stream.shutdown(Shutdown::Both); // the other thread may have done so
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)); // so that the listener looks
    }
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}
