//! The limit: a server that gives everybody of a room what one of them says, and looks at nothing but lengths, rooms, and
//! where the text begins. What it costs is copying bytes, and the kernel.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
};

use memchr::{memchr, memmem};
use mio::{
    Events, Interest, Poll, Registry, Token,
    net::{TcpListener, TcpStream},
};

/// Serves whoever connects, in the dialect [`Chat`](crate::dialects::Chat), for as long as the process lives.
pub fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, DOOR, Interest::READABLE)?;
    let mut events = Events::with_capacity(4096);
    let mut buffer = vec![0; 64 << 10];
    let mut hall = Hall::default();
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            if event.token() == DOOR {
                while let Ok((socket, _)) = listener.accept() {
                    hall.let_in(socket, poll.registry())?;
                }
            } else {
                if event.is_readable() {
                    hall.listen(event.token().0, &mut buffer);
                }
                if event.is_writable() {
                    hall.owing.push(event.token().0);
                }
            }
        }
        hall.give();
    }
}

#[derive(Default)]
struct Hall {
    people: Vec<Option<Person>>,
    names: HashMap<Vec<u8>, usize>,
    /// Who is in each room.
    rooms: Vec<Vec<usize>>,
    /// Who may be sent something now.
    owing: Vec<usize>,
    /// What is given to everybody of a room, here only so that its memory is used again.
    frame: Vec<u8>,
}

struct Person {
    socket: TcpStream,
    room: Option<usize>,
    heard: Vec<u8>,
    owed: Vec<u8>,
}

impl Hall {
    fn let_in(&mut self, mut socket: TcpStream, registry: &Registry) -> io::Result<()> {
        socket.set_nodelay(true)?;
        registry.register(&mut socket, Token(self.people.len()), Interest::READABLE | Interest::WRITABLE)?;
        self.people.push(Some(Person { socket, room: None, heard: Vec::new(), owed: Vec::new() }));
        Ok(())
    }

    /// Reads all there is from somebody, and owes the others what was said.
    fn listen(&mut self, who: usize, buffer: &mut [u8]) {
        let Some(person) = &mut self.people[who] else { return };
        let mut heard = std::mem::take(&mut person.heard);
        let is_here = loop {
            match person.socket.read(buffer) {
                Ok(0) => break false,
                Ok(len) => {
                    heard.extend_from_slice(&buffer[..len]);
                    if len < buffer.len() {
                        break true;
                    }
                }
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        let mut at = 0;
        while let Some((head, rest)) = heard[at..].split_first_chunk()
            && let Some(frame) = rest.get(..u32::from_be_bytes(*head) as usize)
        {
            self.take(who, frame);
            at += head.len() + frame.len();
        }
        heard.drain(..at);
        match &mut self.people[who] {
            Some(person) if is_here => person.heard = heard,
            gone => {
                if let Some(room) = gone.take().and_then(|it| it.room) {
                    self.rooms[room].retain(|it| *it != who);
                }
            }
        }
    }

    fn take(&mut self, who: usize, frame: &[u8]) {
        if frame.starts_with(br#"{"type":"say""#) {
            self.say(who, frame);
        } else if frame.starts_with(br#"{"type":"join""#) {
            self.join(who, frame);
        }
    }

    fn say(&mut self, who: usize, frame: &[u8]) {
        let Some(room) = self.people[who].as_ref().and_then(|it| it.room) else { return };
        let text = &frame[memmem::find(frame, br#""text":"#).unwrap_or_default()..];
        self.frame.clear();
        self.frame.extend_from_slice(&((MESSAGE.len() + text.len()) as u32).to_be_bytes());
        self.frame.extend_from_slice(MESSAGE);
        self.frame.extend_from_slice(text);
        for reader in &self.rooms[room] {
            owe(&mut self.people[*reader], &self.frame, *reader, &mut self.owing);
        }
    }

    fn join(&mut self, who: usize, frame: &[u8]) {
        let name = memmem::find(frame, br#""room":""#).map(|at| &frame[at + 8..]).unwrap_or_default();
        let name = &name[..memchr(b'"', name).unwrap_or_default()];
        let next = self.rooms.len();
        let room = *self.names.entry(name.to_vec()).or_insert(next);
        if room == next {
            self.rooms.push(Vec::new());
        }
        self.rooms[room].push(who);
        if let Some(person) = &mut self.people[who] {
            person.room = Some(room);
        }
        let joined = [&(JOINED.len() as u32).to_be_bytes(), JOINED].concat();
        owe(&mut self.people[who], &joined, who, &mut self.owing);
    }

    /// Sends what is owed, to everybody all of it at once, as far as the sockets take it.
    fn give(&mut self) {
        for who in self.owing.drain(..) {
            let Some(person) = &mut self.people[who] else { continue };
            while !person.owed.is_empty() {
                match person.socket.write(&person.owed) {
                    Ok(len) => _ = person.owed.drain(..len),
                    Err(_) => break, // it is full, and says so when it is not; or gone, which is read
                }
            }
        }
    }
}

fn owe(person: &mut Option<Person>, frame: &[u8], who: usize, owing: &mut Vec<usize>) {
    let Some(person) = person else { return };
    // Whoever is owed something already is in the list, or its socket is full.
    if person.owed.is_empty() {
        owing.push(who);
    }
    person.owed.extend_from_slice(frame);
}

/// What our server says before a text, as long as it is there.
const MESSAGE: &[u8] = br#"{"type":"message","room":"r0","seq":123456,"from":"u10","at":1732100000000,"#;
const JOINED: &[u8] = br#"{"type":"joined"}"#;
const DOOR: Token = Token(usize::MAX - 1);
