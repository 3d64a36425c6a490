//! What the server does with each request of a client.

use std::{sync::Arc, time::Instant};

pub(super) use self::context::Allowance;
use self::context::Context;
use super::{
    access::{self, Action, Place},
    accounts::Spent,
    hub::Hub,
    limits::Kind,
    session::{Attachment, State, Superseded},
};
use crate::wire::{Code, Event, Pong, Request, RequestBody, excerpt};

mod context;
mod messages;
mod people;
mod reading;
mod rooms;
mod search;

/// What a request means for its link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Handled {
    /// The link goes on.
    Continue,
    /// The client said `bye`.
    Bye,
}

/// Acts on one request that came over the attached link.
pub(super) fn handle(
    hub: &Hub,
    attachment: &Attachment,
    request: Request<'_>,
    allowance: &Allowance,
    now: Instant,
) -> Result<Handled, Superseded> {
    let session: &Arc<_> = &attachment.session;
    let (limits, binding) = (&hub.limits(), attachment.binding);
    let cx = &Context { hub, session, limits, binding, allowance, now };
    let state = &mut *session.state(attachment.link)?;
    state.confirmed = true;
    state.heard = Some(now);
    if let Some(id) = request.id
        && !request.is_message()
        && let Err(spent) = spend(cx, state, &request)
    {
        cx.refuse_spent(id, &spent);
        return Ok(Handled::Continue);
    }
    if !state.promises.is_lossless() && request.id.is_some_and(|id| state.reads.has(id)) {
        return Ok(Handled::Continue); // the read that is under way answers it
    }
    // Every request but `hello` and `bye` has a number; only one of an unknown type may lack it.
    let id = request.id.unwrap_or_default();
    match request.body {
        RequestBody::Hello(_) => {
            cx.refuse(None, Code::Unsupported, "this link has said hello already; log in on a new one");
        }
        RequestBody::Ping => {
            cx.reply(&Event::Pong(Pong { id }));
            // One ping brings up to nine frames more, which cost as much as another request.
            if !state.promises.is_lossless()
                && state.payers.spend(cx.limits, &[(Kind::Requests, 1)], now).is_ok()
            {
                session.send_all_heads(state);
            }
        }
        RequestBody::Bye => return Ok(Handled::Bye),
        RequestBody::Unknown(unknown) => {
            let message = format!("there is no request called {:?}", excerpt(&unknown.tag));
            cx.refuse(request.id, Code::Unsupported, message);
        }
        // A message is asked about at its turn.
        RequestBody::Post(_) => messages::take_in(cx, state, request),
        RequestBody::Rooms(_) | RequestBody::Who(_) | RequestBody::History(_) | RequestBody::Replay(_)
            if !allowance.may_read() =>
        {
            state.reads.later(request.into_owned());
        }
        body => act(cx, state, id, &body),
    }
    Ok(Handled::Continue)
}

/// Acts on a request that had to wait until its host may read again.
pub(super) fn again(
    hub: &Hub,
    attachment: &Attachment,
    request: Request<'_>,
    allowance: &Allowance,
    now: Instant,
) -> Result<(), Superseded> {
    let session: &Arc<_> = &attachment.session;
    let (limits, binding) = (&hub.limits(), attachment.binding);
    let cx = &Context { hub, session, limits, binding, allowance, now };
    let state = &mut *session.state(attachment.link)?;
    act(cx, state, request.id.unwrap_or_default(), &request.body);
    Ok(())
}

/// Does what a request asks for, if the session may.
fn act(cx: &Context<'_>, state: &mut State, id: u64, body: &RequestBody<'_>) {
    let Some((action, room)) = Action::of(body) else { return };
    if let (Action::Join | Action::Leave, Some(room)) = (action, room)
        && rooms::is_repeated(cx, state, id, room)
    {
        return;
    }
    let place = match access::permits(state, id, action, room) {
        Ok(place) => place,
        Err(error) => return rooms::refuse(cx, state, id, (action, room), error),
    };
    match (body, place) {
        (RequestBody::Join(join), Place::Inbox) => rooms::join_inbox(cx, state, id, join),
        (RequestBody::Join(join), place) => rooms::join(cx, state, id, join, &place),
        (RequestBody::Leave(_), Place::Joined(room)) => rooms::leave(cx, state, id, &room),
        (RequestBody::Who(_), place) => rooms::who(cx, id, &place),
        (RequestBody::Rooms(list), _) => rooms::list(cx, id, list),
        (RequestBody::History(history), Place::Inbox) => reading::history_of_inbox(cx, id, history),
        (RequestBody::History(history), Place::Joined(room)) => {
            reading::history(cx, state, id, history, room)
        }
        (RequestBody::Replay(replay), Place::Inbox) => reading::replay_inbox(cx, state, id, replay),
        (RequestBody::Replay(replay), Place::Joined(room)) => reading::replay(cx, state, id, replay, room),
        (RequestBody::Search(words), _) => match search::search(id, words) {
            Ok(search) => state.reads.search(id, search, words.hashes),
            Err(error) => cx.reply(&Event::Error(error)),
        },
        (RequestBody::Whois(whois), _) => people::whois(cx, id, whois),
        (RequestBody::Keys, _) => people::keys(cx, id),
        (RequestBody::Revoke(revoke), _) => people::revoke(cx, id, *revoke),
        (RequestBody::Link, _) => people::link(cx, id),
        (RequestBody::Claim(claim), _) => people::claim(cx, state, id, claim),
        (body, place) => unreachable!("{body:?} is not permitted at {place:?}"),
    }
}

/// Spends what this request costs.
fn spend(cx: &Context<'_>, state: &State, request: &Request<'_>) -> Result<(), Spent> {
    let kind = match request.body {
        RequestBody::Ping => Kind::Pings,
        RequestBody::Replay(_) => Kind::Replays,
        RequestBody::Search(_) => Kind::Searches,
        RequestBody::Rooms(_) => Kind::Lists,
        _ => Kind::Requests,
    };
    state.payers.spend(cx.limits, &[(kind, 1)], cx.now)
}
