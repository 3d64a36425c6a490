//! Login: from `hello` to a session, a new one or one that waits for its client.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    ClientId, PersonName,
    id::Secret,
    server::{
        accounts::{Account, Spent, seconds},
        hub::{Hub, NotOpened},
        limits::{FULL_RETRY_MS, Kind},
        password::{Denied, Proof, Shown},
        session::{Attachment, Session, State},
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

/// What a hello leads to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The link speaks for this session now.
    Session(Attachment),
    /// The client gets this frame, and has to say hello again with its own proof of the password.
    Prove(Bytes),
}

/// Opens a session for a client that says `hello`, or resumes the one whose secret the client brings. `proof` is what the
/// client has proved over this link so far.
pub(crate) fn login(
    hub: &Hub,
    hello: &Hello<'_>,
    (peer, host): (&Peer, &Arc<Account>),
    promises: Promises,
    proof: &mut Proof,
) -> Result<Answer, Refusal> {
    if hello.protocol != PROTOCOL {
        let message = format!("this server speaks protocol {PROTOCOL}, not {}", hello.protocol);
        return Err(refusal(Code::BadProtocol, message).ending_link());
    }
    match hub.password.check(hello, (peer, host), proof, &hub.limits(), &**hub.runtime()).map_err(denied)? {
        Shown::Known => enter(hub, hello, (peer, host), promises).map(Answer::Session),
        Shown::Begun(prove) => Ok(Answer::Prove(wire::write(&Event::Prove(prove)))),
    }
}

fn enter(
    hub: &Hub,
    hello: &Hello<'_>,
    (peer, host): (&Peer, &Arc<Account>),
    promises: Promises,
) -> Result<Attachment, Refusal> {
    let client = match hello.client.as_deref().map(ClientId::parse) {
        Some(Some(client)) => Some(client),
        Some(None) => {
            return Err(refusal(Code::BadFrame, "a client id is 22 characters of base64url").ending_link());
        }
        None => None,
    };
    if let Some(attachment) = resume(hub, hello, client, (peer, host), promises)? {
        return Ok(attachment);
    }
    let name = PersonName::parse(&hello.name).map_err(|error| refusal(Code::BadName, error.to_string()))?;
    if let Some(held) = client.and_then(|client| hub.session_by_client(client)) {
        // Its welcome may have been lost: then the client cannot know the secret, and nothing was done in that session.
        if !hub.end_if(&held, |state| !state.confirmed) {
            return Err(not_welcome());
        }
    }
    open(hub, name, client.unwrap_or_else(|| ClientId(hub.runtime().random())), (peer, host), promises)
}

fn resume(
    hub: &Hub,
    hello: &Hello<'_>,
    client: Option<ClientId>,
    (peer, host): (&Peer, &Arc<Account>),
    promises: Promises,
) -> Result<Option<Attachment>, Refusal> {
    let secret = hello.resume.as_deref().and_then(Secret::parse);
    let Some(session) = secret.and_then(|secret| hub.session_by_secret(secret)) else { return Ok(None) };
    // A secret that was overheard is of no use without the key.
    if client.is_some_and(|client| client != session.client()) || peer.identity != session.key() {
        return Ok(None);
    }
    let now = hub.now();
    host.spend(&hub.limits(), &[(Kind::Resumptions, 1)], now).map_err(Refusal::spent)?;
    let link = session.attach(host, promises, true, welcome(hub, &session, true), now);
    Ok(link.map(|link| Attachment { session, link, binding: peer.binding, resumed: true }))
}

fn open(
    hub: &Hub,
    name: PersonName,
    client: ClientId,
    (peer, host): (&Peer, &Arc<Account>),
    promises: Promises,
) -> Result<Attachment, Refusal> {
    let now = hub.now();
    let mut opened = hub.open_session(name.clone(), client, peer, host);
    if let Err(NotOpened::NameInUse(holder)) = &opened
        && hub.is_same_person(holder, peer)
    {
        if !hub.end_if(holder, State::is_waiting) {
            let message = format!("you are here as {name} already, on another machine or in another window");
            return Err(refusal(Code::NameTaken, message));
        }
        opened = hub.open_session(name.clone(), client, peer, host);
    }
    match opened {
        // No link if another hello of the same client has replaced the session already: then that one is let in.
        Ok(session) => match session.attach(host, promises, false, welcome(hub, &session, false), now) {
            Some(link) => Ok(Attachment { session, link, binding: peer.binding, resumed: false }),
            None => Err(not_welcome()),
        },
        Err(NotOpened::NameInUse(holder)) => Err(name_taken(&name, holder.ends_at(&hub.limits(), now), now)),
        Err(NotOpened::NameOwned) => Err(name_owned(&name)),
        Err(NotOpened::ClientInUse) => Err(not_welcome()),
        Err(NotOpened::Full) => Err(full("too many people are on this server; try again later")),
        Err(NotOpened::HostFull) => {
            Err(full("too many people from your address are on this server; try again later"))
        }
        Err(NotOpened::TooFast(spent)) => Err(Refusal::spent(spent)),
    }
}

fn full(message: &str) -> Refusal {
    refusal(Code::Full, message).until(Duration::from_millis(FULL_RETRY_MS)).ending_link()
}

fn denied(why: Denied) -> Refusal {
    match why {
        Denied::Missing => refusal(Code::BadPassword, "this server asks for a password").ending_link(),
        Denied::Wrong => refusal(Code::BadPassword, "wrong password").ending_link(),
        Denied::TooMany(wait) => {
            let message = format!(
                "too many wrong passwords from your address, so this one was not looked at; try again in {}",
                seconds(wait)
            );
            refusal(Code::RateLimited, message).until(wait).ending_link()
        }
        Denied::Busy(wait) => {
            let message = format!(
                "others from your address are proving the password at this moment; try again in {}",
                seconds(wait)
            );
            refusal(Code::RateLimited, message).until(wait).ending_link()
        }
        Denied::InClear => refusal(
            Code::Unsupported,
            "this server has a password, and takes it from other machines over an encrypted link only: over this link \
             anybody could read it; connect with encryption",
        )
        .ending_link(),
        Denied::Malformed => {
            refusal(Code::BadFrame, "pake has 32 bytes and tag has 64 bytes, as base64url").ending_link()
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
    refusal(Code::NameTaken, message).until(left)
}

/// The refusal of a name that belongs to another person.
fn name_owned(name: &PersonName) -> Refusal {
    let message =
        format!("{name}, or a name that looks the same, belongs to another person; choose another name");
    let refusal = refusal(Code::NameTaken, message);
    Refusal { error: wire::Error { owned: true, ..refusal.error }, ..refusal }
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
    fn until(self, wait: Duration) -> Refusal {
        Refusal { error: self.error.until(wait), ..self }
    }

    /// The refusal of a hello from a host that sends too many.
    pub(crate) fn spent(spent: Spent) -> Refusal {
        refusal(Code::RateLimited, spent.message()).until(spent.wait).ending_link()
    }

    fn ending_link(self) -> Refusal {
        Refusal { ends_link: true, ..self }
    }
}
