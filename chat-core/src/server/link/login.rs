//! Login: from `hello` to a session, a new one or one that waits for its client.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    ClientId, PersonName,
    id::Secret,
    server::{
        hub::{Hub, NameInUse},
        limits::{FULL_RETRY_MS, PROBE_RETRY_MS},
        session::{Alive, Attachment, Session, State},
    },
    transport::{Peer, Promises},
    wire::{self, Code, Event, Hello, PROTOCOL, Welcome},
};

/// Why a hello was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: wire::Error,
    /// Whether the link ends, or another hello may follow.
    pub(crate) ends_link: bool,
}

/// Opens a session for a client that says `hello`, or resumes the one whose secret the client brings.
pub(crate) fn login(
    hub: &Hub,
    hello: &Hello<'_>,
    peer: &Peer,
    promises: Promises,
) -> Result<Attachment, Refusal> {
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
    if let Some(attachment) = resume(hub, hello, client, promises) {
        return Ok(attachment);
    }
    let name = PersonName::parse(&hello.name).map_err(|error| refusal(Code::BadName, error.to_string()))?;
    if let Some(held) = client.and_then(|client| hub.session_by_client(client)) {
        // Its welcome may have been lost: then the client cannot know the secret, and nothing was done in that session.
        if !hub.end_if(&held, |state| !state.confirmed) {
            return Err(refusal(Code::NotWelcome, "this client id belongs to another session"));
        }
    }
    open(hub, name, client.unwrap_or_else(|| ClientId(hub.runtime().random())), peer, promises)
}

fn resume(hub: &Hub, hello: &Hello<'_>, client: Option<ClientId>, promises: Promises) -> Option<Attachment> {
    let session = hub.session_by_secret(Secret::parse(hello.resume.as_deref()?)?)?;
    if client.is_some_and(|client| client != session.client()) {
        return None;
    }
    let link = session.attach(promises, true, welcome(hub, &session, true))?;
    Some(Attachment { session, link, resumed: true })
}

fn open(
    hub: &Hub,
    name: PersonName,
    client: ClientId,
    peer: &Peer,
    promises: Promises,
) -> Result<Attachment, Refusal> {
    // A second try if the name's holder was from this very host and gave it up.
    for _ in 0..2 {
        match hub.open_session(name.clone(), client, peer.host.clone()) {
            Ok(session) => {
                // None if another hello of the same client has replaced it already: then that one is let in.
                let Some(link) = session.attach(promises, false, welcome(hub, &session, false)) else {
                    break;
                };
                return Ok(Attachment { session, link, resumed: false });
            }
            Err(NameInUse::Waiting(holder)) if holder.host() == peer.host => {
                hub.end_if(&holder, State::has_lost_link);
            }
            Err(NameInUse::Waiting(holder)) => {
                let waited = holder.lost_for(hub.now()).unwrap_or_default();
                let left = hub.limits().grace.saturating_sub(waited) + Duration::from_millis(1);
                let message = format!("{name} has lost the connection and may come back");
                let mut refusal = refusal(Code::NameTaken, message);
                refusal.error.retry_after_ms = u64::try_from(left.as_millis()).ok();
                return Err(refusal);
            }
            Err(NameInUse::Present(holder)) if holder.host() == peer.host => match holder.probe(hub.now()) {
                Alive::Yes => break,
                Alive::No => hub.end(&holder),
                Alive::Unknown => {
                    let mut refusal = refusal(Code::NameTaken, format!("{name} is here, or was just now"));
                    refusal.error.retry_after_ms = Some(PROBE_RETRY_MS);
                    return Err(refusal);
                }
            },
            Err(NameInUse::Present(_)) => break,
            Err(NameInUse::Full) => {
                let mut refusal = refusal(Code::Full, "too many people on this server").ending_link();
                refusal.error.retry_after_ms = Some(FULL_RETRY_MS);
                return Err(refusal);
            }
        }
    }
    Err(refusal(Code::NameTaken, format!("{name} is here already, or somebody whose name looks the same")))
}

/// The frame that welcomes the client of `session`.
pub(crate) fn welcome(hub: &Hub, session: &Session, resumed: bool) -> Bytes {
    wire::write(&Event::Welcome(Welcome {
        protocol: PROTOCOL,
        name: session.name().to_string(),
        server: hub.software().to_owned(),
        resume: session.secret().reveal(),
        resumed,
        at: Some(hub.time_of_day()),
        limits: hub.limits().frame(),
    }))
}

fn refusal(code: Code, message: impl Into<String>) -> Refusal {
    Refusal { error: wire::Error::of(None, code, message), ends_link: false }
}

impl Refusal {
    fn ending_link(self) -> Refusal {
        Refusal { ends_link: true, ..self }
    }
}
