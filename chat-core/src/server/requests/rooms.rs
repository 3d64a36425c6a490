//! Requests about rooms: to enter one, to leave it, and to list its members.

use std::{sync::Arc, time::Duration};

use super::context::Context;
use crate::{
    RoomName,
    server::{
        access::{Action, Place},
        hub::NotEntered,
        limits::{BUSY_RETRY_MS, Kind},
        room::{Room, Standing},
        room_list,
        session::{Inbox, JoinOutcome, Known, Membership, State},
        sync::lock,
    },
    wire::{self, Code, Event, INBOX, Joined, Left, Members, RECENT},
};

/// Answers a join or leave that was done before as the first time, or drops it if it is late. Returns whether it was done
/// before. On a lossless link no request comes twice.
pub(crate) fn is_repeated(cx: &Context<'_>, state: &State, id: u64, room: &str) -> bool {
    if state.promises.is_lossless() {
        return false;
    }
    let name = if room == INBOX { Ok(RoomName::inbox()) } else { RoomName::parse(room) };
    let Ok(name) = name else { return false };
    match state.join_log.find(id, &name) {
        Known::New => return false,
        Known::Late => {}
        Known::Repeated(JoinOutcome::Refused(refusal)) => cx.reply_frame(refusal),
        Known::Repeated(JoinOutcome::Left) => {
            cx.reply(&Event::Left(Left { id, room: name.to_string() }));
        }
        Known::Repeated(JoinOutcome::Joined { after, reset }) if room == INBOX => {
            inbox_joined(cx, id, |_| (after, reset));
        }
        Known::Repeated(JoinOutcome::Joined { after, reset }) => {
            if let Some(room) = cx.hub.room(&name) {
                joined(cx, id, &room, |_| (after, reset));
            }
        }
    }
    true
}

/// Enters a room and sets the cursor.
pub(crate) fn join(cx: &Context<'_>, state: &mut State, id: u64, join: &wire::Join<'_>, place: &Place) {
    let Some(name) = place.name().cloned() else { return };
    if !matches!(place, Place::Joined(_)) {
        match enter(cx, state, id, &name) {
            Ok(room) => {
                state.rooms.reserve_exact(1); // most people are in one room
                state.rooms.push(Membership::new(room));
            }
            Err(error) => return refuse(cx, state, id, (Action::Join, Some(name.as_str())), error),
        }
    }
    let membership = state.membership(&name).expect("the session has entered the room");
    let room = membership.room.clone();
    let (after, reset, version) = joined(cx, id, &room, |standing| {
        let is_ours = join.epoch.as_ref().zip(join.after).is_none_or(|(epoch, after)| {
            **epoch == *standing.epoch || cx.hub.log().holds(room.name(), epoch, after)
        });
        start(join, is_ours, standing.oldest, standing.head)
    });
    membership.read_from(after);
    membership.hashes = join.hashes;
    membership.presence = version;
    note(state, id, name, JoinOutcome::Joined { after, reset });
}

/// Answers a join of a room. `cursor` says where reading begins, and whether that is another cursor than the client's.
/// Returns both, and the version of the members the client knows now.
fn joined(
    cx: &Context<'_>,
    id: u64,
    room: &Room,
    cursor: impl FnOnce(&Standing) -> (u64, bool),
) -> (u64, bool, u64) {
    let standing = room.standing();
    let presence = room.presence();
    let (after, reset) = cursor(&standing);
    let version = presence.version();
    let (members, guests) = presence.names();
    cx.bring(&Event::Joined(Joined {
        id,
        room: room.name().to_string(),
        epoch: standing.epoch.to_string(),
        oldest: standing.oldest,
        head: standing.head,
        after,
        reset,
        topic: standing.topic,
        version,
        members,
        present: presence.present() as u64,
        guests,
    }));
    (after, reset, version)
}

fn enter(cx: &Context<'_>, state: &State, id: u64, room: &RoomName) -> Result<Arc<Room>, wire::Error> {
    let most = cx.limits.rooms_per_session;
    if state.rooms.len() >= most {
        let message = format!("one session can be in {most} rooms at once; leave one first");
        return Err(wire::Error::of(id, Code::TooMany, message));
    }
    cx.hub.enter(room, cx.session, &state.payers).map_err(|why| match why {
        NotEntered::BeingForgotten => {
            let wait = Duration::from_millis(BUSY_RETRY_MS);
            wire::Error::of(id, Code::Busy, "the room is being forgotten").until(wait)
        }
        NotEntered::Full => {
            let most = cx.limits.rooms;
            let message =
                format!("this server holds {most} rooms and creates no more; enter one that exists");
            wire::Error::of(id, Code::TooMany, message)
        }
        NotEntered::LooksLike(other) => {
            let message =
                format!("there is a room {other}, which looks like that; enter it, or choose another name");
            wire::Error::of(id, Code::NameTaken, message)
        }
        NotEntered::HostFull => {
            let message = "your address has made as many rooms as one may; enter one that exists";
            wire::Error::of(id, Code::TooMany, message)
        }
        NotEntered::TooFast(spent) if spent.is_of(Kind::NewRooms) => {
            let message = format!("{}, or enter one that exists", spent.message());
            wire::Error::of(id, Code::RateLimited, message).until(spent.wait)
        }
        NotEntered::TooFast(spent) => {
            wire::Error::of(id, Code::RateLimited, spent.message()).until(spent.wait)
        }
    })
}

/// Refuses a request; a join or a leave in the same way also if it comes again.
pub(crate) fn refuse(
    cx: &Context<'_>,
    state: &mut State,
    id: u64,
    (action, room): (Action, Option<&str>),
    error: wire::Error,
) {
    // A refusal for now is not noted: the same request is welcome later.
    let is_final = error.retry_after_ms.is_none();
    let refusal = wire::write(&Event::Error(error));
    if let (Action::Join | Action::Leave, Some(room)) = (action, room)
        && is_final
        && let Ok(name) = RoomName::parse(room)
    {
        note(state, id, name, JoinOutcome::Refused(refusal.clone()));
    }
    cx.reply_frame(refusal);
}

/// Sets the cursor of the session's inbox.
pub(crate) fn join_inbox(cx: &Context<'_>, state: &mut State, id: u64, join: &wire::Join<'_>) {
    let (after, reset) = inbox_joined(cx, id, |inbox| {
        let is_ours = join.epoch.as_ref().is_none_or(|read_in| *read_in == inbox.epoch());
        let (after, reset) = start(join, is_ours, inbox.oldest(), inbox.head());
        inbox.set_cursor(after);
        (after, reset)
    });
    note(state, id, RoomName::inbox(), JoinOutcome::Joined { after, reset });
}

/// Answers a join of the inbox, as [`joined`] does for a room.
fn inbox_joined(cx: &Context<'_>, id: u64, cursor: impl FnOnce(&mut Inbox) -> (u64, bool)) -> (u64, bool) {
    let mut inbox = lock(&cx.session.inbox);
    let (after, reset) = cursor(&mut inbox);
    let joined = Joined {
        id,
        room: INBOX.to_owned(),
        epoch: inbox.epoch(),
        oldest: inbox.oldest(),
        head: inbox.head(),
        after,
        reset,
        topic: String::new(),
        version: 0,
        members: Vec::new(),
        present: 0,
        guests: Default::default(),
    };
    drop(inbox);
    cx.reply(&Event::Joined(joined));
    (after, reset)
}

/// Leaves a room.
pub(crate) fn leave(cx: &Context<'_>, state: &mut State, id: u64, room: &Arc<Room>) {
    state.rooms.retain(|membership| !Arc::ptr_eq(&membership.room, room));
    note(state, id, room.name().clone(), JoinOutcome::Left);
    cx.hub.leave(room, cx.session.name());
    cx.reply(&Event::Left(Left { id, room: room.name().to_string() }));
}

/// Lists the rooms: the first ones, or those after the place where an earlier page ended.
pub(crate) fn list(cx: &Context<'_>, id: u64, list: &wire::ListRooms<'_>) {
    let place = list.after.as_deref().map(|more| room_list::Place::parse(more).ok_or(()));
    match place.transpose() {
        Ok(place) => cx.bring_frame(cx.hub.room_list().frame(id, place, cx.now)),
        Err(()) => cx.refuse(Some(id), Code::BadText, "no list of rooms has ended there"),
    }
}

/// Lists the members of a room.
pub(crate) fn who(cx: &Context<'_>, id: u64, place: &Place) {
    let Some(name) = place.name() else { return };
    let Some(room) = cx.hub.room(name) else {
        return cx.refuse(Some(id), Code::NoSuchRoom, format!("there is no room {name}"));
    };
    let presence = room.presence();
    let (members, guests) = presence.names();
    cx.bring(&Event::Members(Members {
        id,
        room: room.name().to_string(),
        version: presence.version(),
        members,
        present: presence.present() as u64,
        guests,
    }));
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
