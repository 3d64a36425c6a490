//! A UDP socket that says whatever datagrams a test wants, and knows how to get in.

use std::net::{Ipv4Addr, UdpSocket};

use chat_core::wire::{self, Event};
use serde_json::Value;

use super::PATIENCE;

/// A socket that talks to one server. Reads give up after [`PATIENCE`].
pub struct RawUdp {
    socket: UdpSocket,
    /// What it was told to prove its address with, once it was.
    pub cookie: String,
    /// The token of its link, once it is in.
    pub link: String,
}

impl RawUdp {
    /// A socket for the server at `port` of this machine.
    pub fn connect(port: u16) -> RawUdp {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        socket.connect((Ipv4Addr::LOCALHOST, port)).expect("a socket can be connected");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket can be set");
        RawUdp { socket, cookie: String::new(), link: String::new() }
    }

    /// Sends one datagram. What becomes of it is not known.
    pub fn send(&self, datagram: impl AsRef<[u8]>) {
        let _ = self.socket.send(datagram.as_ref()); // nobody may listen there
    }

    /// The next datagram.
    pub fn receive(&self) -> Value {
        let mut buffer = [0; 65_536];
        let len = self.socket.recv(&mut buffer).expect("a datagram comes");
        serde_json::from_slice(&buffer[..len]).expect("it is JSON")
    }

    /// Says a hello, given as its fields without braces, proves its address, and gives what comes of it.
    pub fn hello(&mut self, fields: &str) -> Event {
        self.send(format!(r#"{{"type":"hello","protocol":1,{fields}}}"#));
        let challenge = self.receive();
        challenge["cookie"].as_str().expect("a stranger is challenged").clone_into(&mut self.cookie);
        self.send(format!(r#"{{"type":"hello","protocol":1,{fields},"cookie":"{}"}}"#, self.cookie));
        let reply = self.receive();
        if let Some(link) = reply["link"].as_str() {
            link.clone_into(&mut self.link);
        }
        wire::read_event(reply.to_string().as_bytes()).expect("it is protocol")
    }

    /// Asks something, given as its fields without braces, and gives the reply to `id`.
    pub fn ask(&self, id: u64, fields: &str) -> Value {
        self.send(format!(r#"{{{fields},"id":{id},"link":"{}"}}"#, self.link));
        loop {
            let event = self.receive();
            if event["id"] == id {
                return event;
            }
        }
    }
}
