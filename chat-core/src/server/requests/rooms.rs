//! Requests about rooms: entering and leaving one, and who is in it.

use std::sync::Arc;

use super::context::Context;
use crate::{
    RoomName,
    server::{
        hub::NotCreated,
        refusal::{not_joined, room_name},
        room::Room,
        session::{JoinOutcome, Known, Membership, State},
        sync::lock,
    },
    wire::{self, Code, Event, INBOX, Joined, Left, Members, RECENT},
};

/// Enters a room and sets the cursor.
pub(crate) fn join(cx: &Context<'_>, state: &mut State, id: u64, join: &wire::Join<'_>) {
    if join.room == INBOX {
        return join_inbox(cx, state, id, join);
    }
    let name = match room_name(id, &join.room) {
        Ok(name) => name,
        Err(error) => return cx.reply(&Event::Error(error)),
    };
    let repeated = known(state, id, &name);
    match &repeated {
        Known::Late => return,
        Known::Repeated(JoinOutcome::Refused(refusal)) => return cx.reply_frame(refusal.clone()),
        _ => {}
    }
    if state.membership(&name).is_none() {
        match enter(cx, state, id, &name) {
            Ok(room) => {
                state.rooms.reserve_exact(1); // most people are in one room
                state.rooms.push(Membership::new(room));
            }
            // A refusal for now is not noted: the same request is welcome later.
            Err(error) if error.retry_after_ms.is_some() => return cx.reply(&Event::Error(error)),
            Err(error) => return refuse(cx, state, id, name, error),
        }
    }
    let membership = state.membership(&name).expect("the session has entered the room");
    let room = membership.room.clone();
    let standing = room.standing();
    let presence = room.presence();
    let (after, reset) = match repeated {
        Known::Repeated(JoinOutcome::Joined { after, reset }) => (after, reset),
        _ => {
            let is_ours = join.epoch.as_ref().zip(join.after).is_none_or(|(epoch, after)| {
                *epoch == room.epoch() || cx.hub.log().holds(room.name(), epoch, after)
            });
            let (after, reset) = start(join, is_ours, standing.oldest, standing.head);
            membership.read_from(after);
            membership.presence = presence.version();
            note(state, id, name, JoinOutcome::Joined { after, reset });
            (after, reset)
        }
    };
    cx.reply(&Event::Joined(Joined {
        id,
        room: room.name().to_string(),
        epoch: room.epoch().to_owned(),
        oldest: standing.oldest,
        head: standing.head,
        after,
        reset,
        topic: standing.topic,
        version: presence.version(),
        members: presence.names(),
        present: presence.present() as u64,
    }));
}

fn enter(cx: &Context<'_>, state: &State, id: u64, room: &RoomName) -> Result<Arc<Room>, wire::Error> {
    let most = cx.hub.limits().rooms_per_session;
    if state.rooms.len() >= most {
        let message = format!("one session can be in {most} rooms at once; leave one first");
        return Err(wire::Error::of(id, Code::TooMany, message));
    }
    cx.hub.enter(room, cx.session).map_err(|why| match why {
        NotCreated::Full => {
            let most = cx.hub.limits().rooms;
            let message =
                format!("this server holds {most} rooms and creates no more; enter one that exists");
            wire::Error::of(id, Code::TooMany, message)
        }
        NotCreated::TooFast(wait) => {
            let message = format!(
                "too many new rooms of late; enter one that exists, or wait {} s",
                wait.as_secs() + 1
            );
            wire::Error::of(id, Code::RateLimited, message).until(wait)
        }
    })
}

/// Refuses a join or a leave, in the same way also if it comes again.
fn refuse(cx: &Context<'_>, state: &mut State, id: u64, room: RoomName, error: wire::Error) {
    let refusal = wire::write(&Event::Error(error));
    note(state, id, room, JoinOutcome::Refused(refusal.clone()));
    cx.reply_frame(refusal);
}

fn join_inbox(cx: &Context<'_>, state: &mut State, id: u64, join: &wire::Join<'_>) {
    let repeated = known(state, id, &RoomName::inbox());
    let mut inbox = lock(&cx.session.inbox);
    let epoch = inbox.epoch();
    let (oldest, head) = (inbox.oldest(), inbox.head());
    let (after, reset) = match repeated {
        Known::Late => return,
        Known::Repeated(JoinOutcome::Joined { after, reset }) => (after, reset),
        _ => {
            let is_ours = join.epoch.as_ref().is_none_or(|read_in| *read_in == epoch);
            let (after, reset) = start(join, is_ours, oldest, head);
            inbox.set_cursor(after);
            note(state, id, RoomName::inbox(), JoinOutcome::Joined { after, reset });
            (after, reset)
        }
    };
    drop(inbox);
    cx.reply(&Event::Joined(Joined {
        id,
        room: INBOX.to_owned(),
        epoch,
        oldest,
        head,
        after,
        reset,
        topic: String::new(),
        version: 0,
        members: Vec::new(),
        present: 0,
    }));
}

/// Leaves a room.
pub(crate) fn leave(cx: &Context<'_>, state: &mut State, id: u64, room: &str) {
    let name = match room_name(id, room) {
        Ok(name) => name,
        Err(error) => return cx.reply(&Event::Error(error)),
    };
    match known(state, id, &name) {
        Known::Late => return,
        Known::Repeated(JoinOutcome::Refused(refusal)) => return cx.reply_frame(refusal),
        Known::Repeated(_) => return cx.reply(&Event::Left(Left { id, room: name.to_string() })),
        Known::New => {}
    }
    let Some(room) = state.membership(&name).map(|membership| membership.room.clone()) else {
        let error = not_joined(id, &name);
        return refuse(cx, state, id, name, error);
    };
    state.rooms.retain(|membership| !Arc::ptr_eq(&membership.room, &room));
    note(state, id, name, JoinOutcome::Left);
    cx.hub.leave(&room, cx.session.name());
    cx.reply(&Event::Left(Left { id, room: room.name().to_string() }));
}

/// Says who is in a room.
pub(crate) fn who(cx: &Context<'_>, id: u64, room: &str) {
    let name = match room_name(id, room) {
        Ok(name) => name,
        Err(error) => return cx.reply(&Event::Error(error)),
    };
    let Some(room) = cx.hub.room(&name) else {
        return cx.refuse(Some(id), Code::NoSuchRoom, format!("there is no room {name}"));
    };
    let presence = room.presence();
    cx.reply(&Event::Members(Members {
        id,
        room: room.name().to_string(),
        version: presence.version(),
        members: presence.names(),
        present: presence.present() as u64,
    }));
}

/// Whether a join or leave was done before. On a lossless link no request comes twice.
fn known(state: &State, id: u64, room: &RoomName) -> Known {
    if state.promises.is_lossless() { Known::New } else { state.join_log.find(id, room) }
}

fn note(state: &mut State, id: u64, room: RoomName, outcome: JoinOutcome) {
    if !state.promises.is_lossless() {
        state.join_log.note(id, room, outcome);
    }
}

/// The cursor at which reading begins, and whether that is another one than the client's. `is_ours` says whether the
/// entries the client has read are the ones held here.
fn start(join: &wire::Join<'_>, is_ours: bool, oldest: u64, head: u64) -> (u64, bool) {
    match join.after {
        Some(after) if after > head || !is_ours => (oldest - 1, true),
        Some(after) => (after, false),
        None => (head.saturating_sub(join.recent.unwrap_or(RECENT)).max(oldest - 1), false),
    }
}
