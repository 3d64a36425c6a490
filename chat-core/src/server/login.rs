//! From `hello` to a session: a new one, or one that waits for its client.

use std::time::Duration;

use super::{
    hub::{Hub, Taken},
    limits::{FULL_RETRY_MS, PROBE_RETRY_MS},
    probe::Alive,
    session::Seat,
};
use crate::{
    ClientId, PersonName,
    id::Secret,
    transport::{Peer, Promises},
    wire::{self, Code, Hello, PROTOCOL},
};

/// Why a hello was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: wire::Error,
    /// Whether the link ends, or another hello may follow.
    pub(super) ends_link: bool,
}

/// Opens a session for whoever says `hello`, or goes on with the one it names.
pub(super) fn login(hub: &Hub, hello: &Hello<'_>, peer: &Peer, promises: Promises) -> Result<Seat, Refusal> {
    if hello.protocol != PROTOCOL {
        let message = format!("this server speaks protocol {PROTOCOL}, not {}", hello.protocol);
        return Err(refusal(Code::BadProtocol, message).ending_link());
    }
    if !hub.admits(hello.password.as_deref()) {
        let message =
            if hello.password.is_some() { "wrong password" } else { "this server asks for a password" };
        return Err(refusal(Code::BadPassword, message).ending_link());
    }
    let client = match hello.client.as_deref().map(ClientId::parse) {
        Some(Some(client)) => Some(client),
        Some(None) => {
            return Err(refusal(Code::BadFrame, "a client id is 22 characters of base64url").ending_link());
        }
        None => None,
    };
    if let Some(seat) = resume(hub, hello, client, promises) {
        return Ok(seat);
    }
    let name = PersonName::parse(&hello.name).map_err(|error| refusal(Code::BadName, error.to_string()))?;
    if let Some(held) = client.and_then(|it| hub.session_by_client(it)) {
        // Its welcome may have been lost: then the client cannot know the secret, and nothing was done in it.
        if !held.end_unless_confirmed(hub) {
            return Err(refusal(Code::NotWelcome, "this client id belongs to another session"));
        }
    }
    open(hub, name, client.unwrap_or_else(|| ClientId(hub.runtime().random())), peer, promises)
}

fn resume(hub: &Hub, hello: &Hello<'_>, client: Option<ClientId>, promises: Promises) -> Option<Seat> {
    let session = hub.session_by_secret(Secret::parse(hello.resume.as_deref()?)?)?;
    if client.is_some_and(|it| it != session.client()) {
        return None;
    }
    let link = session.attach(hub, promises, true)?;
    Some(Seat { session, link, resumed: true })
}

fn open(
    hub: &Hub,
    name: PersonName,
    client: ClientId,
    peer: &Peer,
    promises: Promises,
) -> Result<Seat, Refusal> {
    // A second try if the name's holder was from this very host and gave it up.
    for _ in 0..2 {
        match hub.open_session(name.clone(), client, peer.host.clone()) {
            Ok(session) => {
                // None if another hello of the same client has replaced it already: then that one is let in.
                let Some(link) = session.attach(hub, promises, false) else { break };
                return Ok(Seat { session, link, resumed: false });
            }
            Err(Taken::Waiting(holder)) if holder.host() == peer.host => holder.end_if_lost(hub),
            Err(Taken::Waiting(holder)) => {
                let waited = holder.lost_for(hub.now()).unwrap_or_default();
                let left = hub.limits().grace.saturating_sub(waited) + Duration::from_millis(1);
                let message = format!("{name} has lost the connection and may come back");
                let mut refusal = refusal(Code::NameTaken, message);
                refusal.error.retry_after_ms = u64::try_from(left.as_millis()).ok();
                return Err(refusal);
            }
            Err(Taken::Present(holder)) if holder.host() == peer.host => match holder.probe(hub.now()) {
                Alive::Yes => break,
                Alive::No => holder.end(hub),
                Alive::Unknown => {
                    let mut refusal = refusal(Code::NameTaken, format!("{name} is here, or was just now"));
                    refusal.error.retry_after_ms = Some(PROBE_RETRY_MS);
                    return Err(refusal);
                }
            },
            Err(Taken::Present(_)) => break,
            Err(Taken::Full) => {
                let mut refusal = refusal(Code::Full, "too many people on this server").ending_link();
                refusal.error.retry_after_ms = Some(FULL_RETRY_MS);
                return Err(refusal);
            }
        }
    }
    Err(refusal(Code::NameTaken, format!("{name} is here already, or somebody whose name looks the same")))
}

fn refusal(code: Code, message: impl Into<String>) -> Refusal {
    Refusal { error: wire::Error::of(None, code, message), ends_link: false }
}

impl Refusal {
    fn ending_link(self) -> Refusal {
        Refusal { ends_link: true, ..self }
    }
}
