//! Many clients of one server in one thread: their sockets, which of them are ready, and what is heard on them.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use chat_measure::Durations;
use memchr::memmem;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::dialects::{Dialect, Heard};

/// Clients that are connected to a server.
pub struct Crowd {
    pub dialect: &'static dyn Dialect,
    pub notes: Notes,
    poll: Poll,
    events: Events,
    people: Vec<Person>,
    /// Who has said something that was not sent yet.
    speaking: Vec<usize>,
    /// What is read at a time.
    buffer: Vec<u8>,
    /// What a text has where its mark is shorter.
    padding: String,
}

/// What was heard, by all of them.
pub struct Notes {
    /// How many are in their rooms.
    pub entered: usize,
    /// How many messages came, each counted at every reader.
    pub delivered: u64,
    /// How long they were on their way, for readers who are timed.
    pub late: Durations,
    /// When the clock of the marks in the texts began.
    began: Instant,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(dialect: &'static dyn Dialect) -> io::Result<Crowd> {
        let notes = Notes { entered: 0, delivered: 0, late: Durations::default(), began: Instant::now() };
        Ok(Crowd {
            dialect,
            notes,
            poll: Poll::new()?,
            events: Events::with_capacity(4096),
            people: Vec::new(),
            speaking: Vec::new(),
            buffer: vec![0; 256 << 10],
            padding: "x".repeat(TEXT),
        })
    }

    /// Connects one more and has it ask for its room. `Notes::entered` tells when it is in.
    pub fn add(
        &mut self,
        name: String,
        room: String,
        is_timed: bool,
        server: SocketAddr,
    ) -> Result<(), String> {
        let connect = || {
            let socket = std::net::TcpStream::connect_timeout(&server, CONNECT)?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            let mut socket = TcpStream::from_std(socket);
            let place = Token(self.people.len());
            self.poll.registry().register(&mut socket, place, Interest::READABLE | Interest::WRITABLE)?;
            Ok(socket)
        };
        let socket = connect().map_err(|error: io::Error| format!("{name} cannot connect: {error}"))?;
        let mut unsent = Vec::new();
        self.dialect.greet(&name, &room, &mut unsent);
        let mut person = Person { name, room, socket, begun: Vec::new(), unsent, is_timed };
        person.send()?;
        self.people.push(person);
        Ok(())
    }

    /// Has somebody say a text that knows when it was said. [`Crowd::send`] sends it.
    pub fn say(&mut self, who: usize, nth: u64) {
        let mut text = format!("said={};", self.notes.began.elapsed().as_micros());
        text.push_str(&self.padding[text.len()..]);
        let person = &mut self.people[who];
        if person.unsent.is_empty() {
            self.speaking.push(who);
        }
        self.dialect.say(&person.room, nth, &text, &mut person.unsent);
    }

    /// Sends what was said, as far as the sockets take it; [`Crowd::turn`] sends the rest.
    pub fn send(&mut self) -> Result<(), String> {
        self.speaking.drain(..).try_for_each(|who| self.people[who].send())
    }

    /// Waits until something can be read or sent, or `wait` is over, and does that. Says whether there was anything.
    pub fn turn(&mut self, wait: Duration) -> Result<bool, String> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.to_string()),
            _ => {}
        }
        for event in &self.events {
            let person = &mut self.people[event.token().0];
            if event.is_readable() {
                person.listen(self.dialect, &mut self.buffer, &mut self.notes)?;
            }
            person.send()?;
        }
        Ok(!self.events.is_empty())
    }
}

/// One of them.
struct Person {
    name: String,
    room: String,
    socket: TcpStream,
    /// What came of something that is not whole yet.
    begun: Vec<u8>,
    unsent: Vec<u8>,
    is_timed: bool,
}

impl Person {
    /// Reads all there is.
    fn listen(&mut self, dialect: &dyn Dialect, buffer: &mut [u8], notes: &mut Notes) -> Result<(), String> {
        loop {
            let kept = self.begun.len();
            buffer[..kept].copy_from_slice(&self.begun);
            let room = buffer.len() - kept;
            let len = match self.socket.read(&mut buffer[kept..]) {
                Ok(0) => return Err(format!("{} was hung up on", self.name)),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(format!("{} cannot read: {error}", self.name)),
            };
            let mut rest = &buffer[..kept + len];
            while let Some((heard, len)) = dialect.hear(rest, &self.room) {
                rest = &rest[len..];
                match heard {
                    Heard::Message(text) => {
                        notes.delivered += 1;
                        if self.is_timed {
                            notes.time(text);
                        }
                    }
                    Heard::Entered => notes.entered += 1,
                    Heard::Answer(answer) => self.unsent.extend_from_slice(&answer),
                    Heard::Refused(why) => {
                        return Err(format!("{} was told {}", self.name, String::from_utf8_lossy(why)));
                    }
                    Heard::Nothing => {}
                }
            }
            self.begun.clear();
            self.begun.extend_from_slice(rest);
            if len < room {
                return Ok(());
            }
        }
    }

    fn send(&mut self) -> Result<(), String> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(len) => _ = self.unsent.drain(..len),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(format!("{} cannot send: {error}", self.name)),
            }
        }
        Ok(())
    }
}

impl Notes {
    fn time(&mut self, text: &[u8]) {
        let mark = memmem::find(text, b"said=").map(|at| &text[at + 5..]).unwrap_or_default();
        let digits = mark.iter().take_while(|it| it.is_ascii_digit());
        let said = digits.fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
        self.late.record(self.began.elapsed().saturating_sub(Duration::from_micros(said)));
    }
}

/// How many bytes a text has.
const TEXT: usize = 100;
/// How long a connection may take; it waits while the server's queue is full.
const CONNECT: Duration = Duration::from_secs(10);
