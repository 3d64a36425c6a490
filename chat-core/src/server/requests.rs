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
use crate::wire::{Code, Event, Pong, Request, RequestBody, excerpt};

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
    state.heard = Some(now);
    if let Some(id) = request.id
        && !request.is_message()
        && let Err(wait) = allow(state, &request, now)
    {
        cx.refuse_for_now(id, Code::RateLimited, "too many requests", wait);
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
        RequestBody::Join(join) => rooms::join(cx, state, id, &join),
        RequestBody::Leave(leave) => rooms::leave(cx, state, id, &leave.room),
        RequestBody::Post(_) => messages::take_in(cx, state, request),
        RequestBody::Who(who) => rooms::who(cx, id, &who.room),
        RequestBody::Rooms => cx.reply_frame(hub.room_list().frame(id)),
        RequestBody::History(history) => reading::history(cx, state, id, &history),
        RequestBody::Replay(replay) => reading::replay(cx, state, id, &replay),
        RequestBody::Search(words) => match search::search(id, &words) {
            Ok(search) => state.reads.search(id, search),
            Err(error) => cx.reply(&Event::Error(error)),
        },
        RequestBody::Ping => {
            cx.reply(&Event::Pong(Pong { id }));
            // One ping brings up to nine frames, so they are rate limited.
            if !state.promises.is_lossless() && state.requests.take(now).is_ok() {
                session.send_all_heads(state);
            }
        }
        RequestBody::Bye => return Ok(Handled::Bye),
        RequestBody::Unknown(unknown) => {
            let message = format!("there is no request called {:?}", excerpt(&unknown.tag));
            cx.refuse(request.id, Code::Unsupported, message);
        }
    }
    Ok(Handled::Continue)
}

/// Whether the client may send this request now, or after which time.
fn allow(state: &mut State, request: &Request<'_>, now: Instant) -> Result<(), Duration> {
    match request.body {
        RequestBody::Ping => Ok(()),
        RequestBody::Replay(_) => state.replays.take(now),
        RequestBody::Search(_) => state.searches.take(now),
        _ => state.requests.take(now),
    }
}
