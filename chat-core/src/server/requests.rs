//! What the server does with each request of a client.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::context::Context;
use super::{
    hub::Hub,
    session::{Attachment, State, Superseded},
};
use crate::wire::{Code, Event, Pong, Request, excerpt};

mod context;
mod messages;
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
    now: Instant,
) -> Result<Handled, Superseded> {
    let session: &Arc<_> = &attachment.session;
    let cx = &Context { hub, session, now };
    let state = &mut *session.state(attachment.link)?;
    state.confirmed = true;
    if let Some(probe) = &mut state.probe {
        probe.answered = true;
    }
    if let Some(id) = request.id()
        && !request.is_message()
        && let Err(wait) = allow(state, &request, now)
    {
        cx.refuse_for_now(id, Code::RateLimited, "too many requests", wait);
        return Ok(Handled::Continue);
    }
    if !state.promises.reliable && request.id().is_some_and(|id| state.reads.has(id)) {
        return Ok(Handled::Continue); // the read that is under way answers it
    }
    match request {
        Request::Hello(_) => {
            cx.refuse(None, Code::Unsupported, "this link has said hello already; log in on a new one");
        }
        Request::Join(join) => rooms::join(cx, state, &join),
        Request::Leave(leave) => rooms::leave(cx, state, leave.id, &leave.room),
        message @ (Request::Say(_) | Request::Topic(_) | Request::Tell(_)) => {
            messages::take_in(cx, state, message);
        }
        Request::Who(who) => rooms::who(cx, who.id, &who.room),
        Request::Rooms(rooms) => cx.reply(&Event::Rooms(hub.list_rooms(rooms.id))),
        Request::History(history) => reading::history(cx, state, &history),
        Request::Replay(replay) => reading::replay(cx, state, &replay),
        Request::Search(words) => match search::search(&words) {
            Ok(search) => state.reads.search(words.id, search),
            Err(error) => cx.reply(&Event::Error(error)),
        },
        Request::Ping(ping) => {
            cx.reply(&Event::Pong(Pong { id: ping.id }));
            // One ping brings up to nine frames, so they are rate limited.
            if !state.promises.reliable && state.requests.take(now).is_ok() {
                session.send_all_heads(state);
            }
        }
        Request::Bye {} => return Ok(Handled::Bye),
        Request::Unknown(unknown) => {
            let message = format!("there is no request called {:?}", excerpt(&unknown.tag));
            cx.refuse(unknown.id, Code::Unsupported, message);
        }
    }
    Ok(Handled::Continue)
}

/// Whether the client may send this request now, or after which time.
fn allow(state: &mut State, request: &Request<'_>, now: Instant) -> Result<(), Duration> {
    match request {
        Request::Ping(_) => Ok(()),
        Request::Replay(_) => state.replays.take(now),
        Request::Search(_) => state.searches.take(now),
        _ => state.requests.take(now),
    }
}
