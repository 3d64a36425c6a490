//! The smallest useful session: connects, receives a welcome, and sends pings of any size.

use std::{
    io,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use chat_core::{
    Address, KeyId, SharedRuntime,
    client::{Password, Proof},
    pake,
    transport::{BoxLink, Dialled, Transport},
    wire::{self, Event, Hello, Post, Prove, Replay, Request, RequestBody, Welcome},
    within,
};
use futures::{SinkExt, StreamExt};
use serde::Serialize;

/// A link on which the server has sent `welcome`.
pub(super) struct ProbeSession {
    link: BoxLink,
    runtime: SharedRuntime,
    pub(super) welcome: Welcome,
    /// The key that the server has proved; none if the link is not encrypted.
    pub(super) server: Option<KeyId>,
    /// How far the server's clock is ahead of this machine's clock, in milliseconds.
    pub(super) clock_ahead: Option<i64>,
    last_id: u64,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// The transport cannot connect.
    NoLink(io::Error),
    /// No answer arrives.
    Silence,
    /// The link ended before an answer.
    Closed,
    /// Another program answers, not a chat server.
    Foreign,
    /// The server answers and refuses the session.
    Refused(wire::Error),
}

/// The name and password for a session.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) password: Option<String>,
}

impl ProbeSession {
    /// Dials and sends `hello`, several times over a transport that may lose it.
    ///
    /// # Errors
    /// When no `welcome` arrives.
    pub(super) async fn open(
        transport: &dyn Transport,
        address: &Address,
        credentials: &Credentials,
        runtime: SharedRuntime,
    ) -> Result<ProbeSession, ConnectError> {
        let dialled = within(REACHED_WITHIN, &*runtime, transport.connect(address)).await;
        let Dialled { mut link, binding, server } = match dialled {
            Some(dialled) => dialled.map_err(ConnectError::NoLink)?,
            None => return Err(ConnectError::NoLink(io::ErrorKind::TimedOut.into())),
        };
        let password = credentials.password.as_ref().map(|text| Password::for_server(text, address));
        let proof = Proof::begin(password.as_ref(), binding.as_ref(), pake::random(&*runtime));
        let mut proof = proof.map_err(ConnectError::Refused)?;
        let mut hello =
            Hello { protocol: wire::PROTOCOL, name: credentials.name.as_str().into(), ..Hello::default() };
        let tries = if transport.promises().is_lossless() { 1 } else { HELLOS };
        let mut tried = 0;
        while tried < tries {
            proof.fill(&mut hello);
            let asked_at = SystemTime::now();
            if link.send(wire::write(&Request::unnumbered(hello.clone()))).await.is_err() {
                return Err(ConnectError::Closed);
            }
            let answer = within(ANSWERED_WITHIN / tries, &*runtime, answer(&mut link)).await;
            let welcome = match answer.transpose()? {
                None => {
                    tried += 1;
                    continue;
                }
                Some(Answer::Prove(prove)) => {
                    // Where frames may be lost, a `prove` that answers an earlier hello may come again.
                    tried += u32::from(!proof.answered(&prove).map_err(ConnectError::Refused)?);
                    continue;
                }
                Some(Answer::Welcome(welcome)) => welcome,
            };
            proof.welcomed().map_err(ConnectError::Refused)?;
            let clock_ahead = welcome.at.and_then(|at| ahead(at, asked_at, SystemTime::now()));
            return Ok(ProbeSession { link, runtime, welcome, server, clock_ahead, last_id: 0 });
        }
        Err(ConnectError::Silence)
    }

    /// The round trip time of a ping with `padding` extra bytes; `None` if no answer arrives within `timeout`.
    pub(super) async fn ping(&mut self, padding: usize, timeout: Duration) -> Option<Duration> {
        self.last_id += 1;
        let id = self.last_id;
        let padding = "x".repeat(padding);
        let frame = wire::write(&Padded { r#type: "ping", id, padding: &padding });
        let began = self.runtime.now();
        self.link.send(frame).await.ok()?;
        let runtime = self.runtime.clone();
        within(timeout, &*runtime, async {
            while let Some(Ok(frame)) = self.link.next().await {
                if matches!(wire::read_event(&frame), Ok(Event::Pong(pong)) if pong.id == id) {
                    return Some(runtime.now() - began);
                }
            }
            None
        })
        .await?
    }

    /// Sends this session a direct message of `len` bytes: a large frame to the server, and one back. Each is sent `tries`
    /// times if it is lost. `None` if the server refuses the message.
    pub(super) async fn echo(&mut self, len: usize, tries: usize, timeout: Duration) -> Option<Echo> {
        self.last_id += 1;
        let (id, text) = (self.last_id, "x".repeat(len));
        let tell = wire::write(&Request::new(id, Post::tell(self.welcome.name.clone(), text)));
        let (mut seq, mut echo) = (None, Echo::default());
        for _ in 0..tries * 2 {
            self.last_id += 1;
            let frame = match seq {
                None => tell.clone(),
                Some(seq) => {
                    let replay = Replay { room: INBOX.into(), from: seq, to: seq };
                    wire::write(&Request::new(self.last_id, replay))
                }
            };
            self.link.send(frame).await.ok()?;
            let heard = within(timeout, &*self.runtime, async {
                while let Some(Ok(frame)) = self.link.next().await {
                    match wire::read_event(&frame) {
                        Ok(Event::Ack(ack)) if ack.id == id => {
                            (seq, echo.reached) = (Some(ack.seq), true);
                        }
                        Ok(Event::Entry(entry)) if entry.room == INBOX => {
                            (echo.reached, echo.came_back) = (true, true);
                            return true;
                        }
                        Ok(Event::Error(error)) if error.id == Some(id) => return false,
                        _ => {}
                    }
                }
                false
            });
            match heard.await {
                Some(true) => return Some(echo),
                Some(false) => return None,
                None => {}
            }
        }
        Some(echo)
    }

    /// Sends `bye` and waits a short while for the goodbye.
    pub(super) async fn leave(mut self) {
        let bye = wire::write(&Request::unnumbered(RequestBody::Bye));
        if self.link.send(bye).await.is_ok() {
            let runtime = self.runtime.clone();
            within(PART_WITHIN, &*runtime, async {
                while let Some(Ok(frame)) = self.link.next().await {
                    if matches!(wire::read_event(&frame), Ok(Event::Goodbye(_))) {
                        break;
                    }
                }
            })
            .await;
        }
    }
}

/// What became of a message to the own session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Echo {
    /// Whether the server got it.
    pub(super) reached: bool,
    /// Whether it came back.
    pub(super) came_back: bool,
}

/// The room of direct messages (`docs/protocol.md`, 10.2).
const INBOX: &str = "@";

/// A ping of a chosen length. Servers ignore the unknown field (`docs/protocol.md`, 1.7).
#[derive(Serialize)]
struct Padded<'a> {
    r#type: &'static str,
    id: u64,
    padding: &'a str,
}

/// The length in bytes of a ping without padding, with the largest id that is used here.
pub(super) const PING_BYTES: usize = r#"{"type":"ping","id":100,"padding":""}"#.len();

/// What answers a hello.
enum Answer {
    Welcome(Welcome),
    /// The server has proved the password, and expects the same.
    Prove(Prove),
}

async fn answer(link: &mut BoxLink) -> Result<Answer, ConnectError> {
    loop {
        let frame: Bytes = match link.next().await {
            Some(Ok(frame)) => frame,
            Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(ConnectError::Foreign);
            }
            Some(Err(_)) | None => return Err(ConnectError::Closed),
        };
        match wire::read_event(&frame) {
            Ok(Event::Welcome(welcome)) => return Ok(Answer::Welcome(welcome)),
            Ok(Event::Prove(prove)) => return Ok(Answer::Prove(prove)),
            Ok(Event::Error(error)) => return Err(ConnectError::Refused(error)),
            Ok(_) => {}
            Err(_) => return Err(ConnectError::Foreign),
        }
    }
}

/// How far the server's time `at` is ahead of the middle between `asked` and `answered`, in milliseconds.
fn ahead(at: u64, asked: SystemTime, answered: SystemTime) -> Option<i64> {
    let middle = asked + answered.duration_since(asked).ok()? / 2;
    let ours = middle.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(at).ok()?.checked_sub(i64::try_from(ours).ok()?)
}

/// How long dialling may take.
const REACHED_WITHIN: Duration = Duration::from_secs(3);
/// How long the `welcome` may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
/// How long to wait for the goodbye, which may be lost.
const PART_WITHIN: Duration = Duration::from_millis(300);
/// How many times `hello` is sent over a transport that may lose it.
const HELLOS: u32 = 6;
