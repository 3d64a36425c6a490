//! A TCP connection that carries whatever bytes a test wants.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    time::Duration,
};

use chat_core::wire::{self, Event, Request, Welcome};
use nix::{
    libc,
    sys::socket::{setsockopt, sockopt},
};

use super::PATIENCE;

/// A connection to a server. Reads and writes give up after [`PATIENCE`].
pub struct Raw {
    stream: TcpStream,
}

/// `frame` with its length before it.
pub fn framed(frame: impl AsRef<[u8]>) -> Vec<u8> {
    let frame = frame.as_ref();
    let mut bytes = u32::try_from(frame.len()).expect("a frame is short").to_be_bytes().to_vec();
    bytes.extend_from_slice(frame);
    bytes
}

impl Raw {
    /// A connection to `port` on this machine.
    pub fn connect(port: u16) -> Raw {
        Raw::over(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("somebody listens"))
    }

    /// A connection that was made already.
    pub fn over(stream: TcpStream) -> Raw {
        stream.set_nodelay(true).expect("a socket can be set");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket can be set");
        Raw { stream }
    }

    /// Sends bytes as they are. False if the server has hung up.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends one frame.
    pub fn frame(&mut self, frame: impl AsRef<[u8]>) -> bool {
        self.send(framed(frame))
    }

    /// Sends one request.
    pub fn ask(&mut self, request: &Request<'_>) -> bool {
        self.frame(wire::write(request))
    }

    /// Opens a session.
    pub fn hello(&mut self, name: &str) -> Welcome {
        self.frame(format!(r#"{{"type":"hello","protocol":1,"name":"{name}"}}"#));
        match self.event() {
            Some(Event::Welcome(welcome)) => welcome,
            other => panic!("{name} is not welcomed but gets {other:?}"),
        }
    }

    /// Sends a frame and gives the reply with this number; what comes before it is skipped.
    pub fn reply(&mut self, id: u64, frame: impl AsRef<[u8]>) -> Event {
        assert!(self.frame(frame), "the server has hung up");
        loop {
            let event = self.event().expect("a reply comes before the end");
            if event.reply_to() == Some(id) {
                return event;
            }
        }
    }

    /// The next event; nothing once the server has hung up.
    pub fn event(&mut self) -> Option<Event> {
        let frame = self.read_frame()?;
        Some(
            wire::read_event(&frame)
                .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&frame))),
        )
    }

    /// The next frame; nothing once the peer has hung up.
    pub fn read_frame(&mut self) -> Option<Vec<u8>> {
        let mut len = [0; 4];
        self.read_exact(&mut len)?;
        let mut frame = vec![0; u32::from_be_bytes(len) as usize];
        self.read_exact(&mut frame)?;
        Some(frame)
    }

    /// Everything until the server hangs up.
    pub fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.event()).collect()
    }

    /// Reads until the peer hangs up, whatever it says.
    pub fn rest_of_frames(&mut self) {
        while self.read_frame().is_some() {}
    }

    /// Sends no more; still reads.
    pub fn end_sending(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Whether for so long nothing comes, not even the end.
    pub fn is_silent(&mut self, limit: Duration) -> bool {
        self.stream.set_read_timeout(Some(limit)).expect("a socket can be set");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a socket can be set");
        matches!(peeked, Err(error) if is_timeout(error.kind()))
    }

    /// Hangs up with a reset, as a crashed machine does.
    pub fn reset(self) {
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(&self.stream, sockopt::Linger, &at_once).expect("a socket can be set");
    }

    /// Fills `buffer`; nothing if the server hangs up first.
    fn read_exact(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if is_timeout(error.kind()) => panic!("the server neither answers nor hangs up"),
            Err(_) => None,
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
