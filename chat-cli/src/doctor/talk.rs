//! The least of a conversation: a link is made, a welcome comes, pings of any size are answered.

use std::{
    io,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Transport},
    wire::{self, Event, Hello, Request, RequestBody, Welcome},
    within,
};
use futures::{SinkExt, StreamExt};
use serde::Serialize;

/// A link over which the server has welcomed us.
pub(super) struct Talk {
    link: BoxLink,
    runtime: SharedRuntime,
    pub(super) welcome: Welcome,
    /// How far the server's clock is ahead of ours, in milliseconds.
    pub(super) clock_ahead: Option<i64>,
    last_id: u64,
}

/// Why there is no conversation.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody can be reached.
    NoLink(io::Error),
    /// Nothing comes back.
    Silence,
    /// The link ended before anything was said.
    Closed,
    /// Something answers, but nothing that can be understood.
    Foreign,
    /// The server answers, and does not let us in.
    Refused(wire::Error),
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) password: Option<String>,
}

impl Talk {
    /// Dials and says hello, again where that may get lost.
    ///
    /// # Errors
    /// When nobody welcomes us.
    pub(super) async fn open(
        transport: &dyn Transport,
        address: &Address,
        caller: &Caller,
        runtime: SharedRuntime,
    ) -> Result<Talk, Trouble> {
        let dialled = within(REACHED_WITHIN, &*runtime, transport.dial(address)).await;
        let mut link = match dialled {
            Some(dialled) => dialled.map_err(Trouble::NoLink)?,
            None => return Err(Trouble::NoLink(io::ErrorKind::TimedOut.into())),
        };
        let hello = wire::write(&Request::unnumbered(Hello {
            protocol: wire::PROTOCOL,
            name: caller.name.as_str().into(),
            client: None,
            resume: None,
            password: caller.password.as_deref().map(Into::into),
        }));
        let tries = if transport.promises().reliable { 1 } else { HELLOS };
        for _ in 0..tries {
            let asked_at = SystemTime::now();
            if link.send(hello.clone()).await.is_err() {
                return Err(Trouble::Closed);
            }
            let answer = within(ANSWERED_WITHIN / tries, &*runtime, answer(&mut link)).await;
            let Some(welcome) = answer else { continue };
            let welcome = welcome?;
            let clock_ahead = welcome.at.and_then(|at| ahead(at, asked_at, SystemTime::now()));
            return Ok(Talk { link, runtime, welcome, clock_ahead, last_id: 0 });
        }
        Err(Trouble::Silence)
    }

    /// How long a ping with `padding` more bytes takes to be answered; nothing if it is not, within `patience`.
    pub(super) async fn ping(&mut self, padding: usize, patience: Duration) -> Option<Duration> {
        self.last_id += 1;
        let id = self.last_id;
        let padding = "x".repeat(padding);
        let frame = wire::write(&Padded { r#type: "ping", id, padding: &padding });
        let began = self.runtime.now();
        self.link.send(frame).await.ok()?;
        let runtime = self.runtime.clone();
        within(patience, &*runtime, async {
            while let Some(Ok(frame)) = self.link.next().await {
                if matches!(wire::read_event(&frame), Ok(Event::Pong(pong)) if pong.id == id) {
                    return Some(runtime.now() - began);
                }
            }
            None
        })
        .await?
    }

    /// Says goodbye.
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

/// A ping that is as long as it has to be; whoever reads skips what it does not know (`docs/protocol.md`, 1.7).
#[derive(Serialize)]
struct Padded<'a> {
    r#type: &'static str,
    id: u64,
    padding: &'a str,
}

/// How many bytes a ping has without its padding, with the largest number we give it.
pub(super) const PING_BYTES: usize = r#"{"type":"ping","id":100,"padding":""}"#.len();

async fn answer(link: &mut BoxLink) -> Result<Welcome, Trouble> {
    loop {
        let frame: Bytes = match link.next().await {
            Some(Ok(frame)) => frame,
            Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => return Err(Trouble::Foreign),
            Some(Err(_)) | None => return Err(Trouble::Closed),
        };
        match wire::read_event(&frame) {
            Ok(Event::Welcome(welcome)) => return Ok(welcome),
            Ok(Event::Error(error)) => return Err(Trouble::Refused(error)),
            Ok(_) => {}
            Err(_) => return Err(Trouble::Foreign),
        }
    }
}

/// How far `at` is ahead of the middle of `asked` and `answered`, in milliseconds.
fn ahead(at: u64, asked: SystemTime, answered: SystemTime) -> Option<i64> {
    let middle = asked + answered.duration_since(asked).ok()? / 2;
    let ours = middle.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(at).ok()?.checked_sub(i64::try_from(ours).ok()?)
}

/// How long it may take to make a link.
const REACHED_WITHIN: Duration = Duration::from_secs(3);
/// How long the welcome may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
/// How long the goodbye may take, which may get lost.
const PART_WITHIN: Duration = Duration::from_millis(300);
/// How often to say hello where it may get lost.
const HELLOS: u32 = 6;
