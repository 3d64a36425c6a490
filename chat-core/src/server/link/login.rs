//! Login: from `hello` to a session, a new one or one that waits for its client.

use std::time::Instant;

use bytes::Bytes;

use crate::{
    ClientId, PersonName,
    id::Secret,
    server::{
        hub::{Hub, NotOpened},
        limits::FULL_RETRY_MS,
        session::{Attachment, Session},
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
    if let Some(attachment) = resume(hub, hello, client, peer, promises) {
        return Ok(attachment);
    }
    let name = PersonName::parse(&hello.name).map_err(|error| refusal(Code::BadName, error.to_string()))?;
    if let Some(held) = client.and_then(|client| hub.session_by_client(client)) {
        // Its welcome may have been lost: then the client cannot know the secret, and nothing was done in that session.
        if !hub.end_if(&held, |state| !state.confirmed) {
            return Err(not_welcome());
        }
    }
    open(hub, name, client.unwrap_or_else(|| ClientId(hub.runtime().random())), peer, promises)
}

fn resume(
    hub: &Hub,
    hello: &Hello<'_>,
    client: Option<ClientId>,
    peer: &Peer,
    promises: Promises,
) -> Option<Attachment> {
    let session = hub.session_by_secret(Secret::parse(hello.resume.as_deref()?)?)?;
    // A secret that was overheard is of no use without the key.
    if client.is_some_and(|client| client != session.client()) || peer.identity != session.identity() {
        return None;
    }
    let link = session.attach(promises, true, welcome(hub, &session, true), hub.now())?;
    Some(Attachment { session, link, resumed: true })
}

fn open(
    hub: &Hub,
    name: PersonName,
    client: ClientId,
    peer: &Peer,
    promises: Promises,
) -> Result<Attachment, Refusal> {
    let now = hub.now();
    match hub.open_session(name.clone(), client, peer) {
        // No link if another hello of the same client has replaced the session already: then that one is let in.
        Ok(session) => match session.attach(promises, false, welcome(hub, &session, false), now) {
            Some(link) => Ok(Attachment { session, link, resumed: false }),
            None => Err(not_welcome()),
        },
        Err(NotOpened::NameInUse(holder)) => Err(name_taken(&name, holder.ends_at(hub.limits(), now), now)),
        Err(NotOpened::ClientInUse) => Err(not_welcome()),
        Err(NotOpened::Full) => {
            let mut refusal =
                refusal(Code::Full, "too many people are on this server; try again later").ending_link();
            refusal.error.retry_after_ms = Some(FULL_RETRY_MS);
            Err(refusal)
        }
    }
}

/// The refusal of a name that another session has, which may end at `ends_at`.
fn name_taken(name: &PersonName, ends_at: Option<Instant>, now: Instant) -> Refusal {
    let Some(ends_at) = ends_at else {
        let message = format!("{name}, or a name that looks the same, is taken; choose another name");
        return refusal(Code::NameTaken, message);
    };
    let left = ends_at.saturating_duration_since(now);
    let seconds = left.as_secs() + 1;
    let message =
        format!("{name} has lost the connection and may come back; the name may be free in {seconds} s");
    let refusal = refusal(Code::NameTaken, message);
    Refusal { error: refusal.error.until(left), ..refusal }
}

fn not_welcome() -> Refusal {
    refusal(
        Code::NotWelcome,
        "this client id belongs to another session; take another id, or bring its secret",
    )
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
