//! Requests that read entries again: pages of history, and entries the client lacks.

use std::sync::Arc;

use bytes::Bytes;

use super::context::Context;
use crate::{
    RoomName,
    server::{
        limits::REPLAY_BYTES,
        refusal::limit,
        room::{Room, within},
        session::{State, page_frame},
        sync::lock,
    },
    wire::{self, Code, Event, Gap, INBOX, MAX_REPLAY},
};

/// Reads a page of older entries of a room.
pub(crate) fn history(
    cx: &Context<'_>,
    state: &mut State,
    id: u64,
    history: &wire::History<'_>,
    room: Arc<Room>,
) {
    let limit = match limit(id, history.limit) {
        Ok(limit) => limit,
        Err(refusal) => return cx.reply(&Event::Error(refusal)),
    };
    let before = history.before.unwrap_or(u64::MAX).min(room.head() + 1);
    state.reads.history(id, room, before, limit, history.hashes);
}

/// Reads a page of older entries of the session's inbox.
pub(crate) fn history_of_inbox(cx: &Context<'_>, id: u64, history: &wire::History<'_>) {
    let limit = match limit(id, history.limit) {
        Ok(limit) => limit,
        Err(refusal) => return cx.reply(&Event::Error(refusal)),
    };
    let inbox = lock(&cx.session.inbox);
    let newest = inbox.newest_below(history.before.unwrap_or(u64::MAX)).zip(0..limit);
    let page = page_frame(id, &RoomName::inbox(), newest.map(|(entry, _)| entry));
    drop(inbox);
    cx.bring_frame(page);
}

/// The range that a client asks for again, or why it cannot have it.
fn range(
    state: &mut State,
    cx: &Context<'_>,
    replay: &wire::Replay<'_>,
) -> Result<(u64, u64), (Code, String)> {
    let wire::Replay { from, to, .. } = *replay;
    state.reads.lacked = Some(cx.now);
    match to.checked_sub(from) {
        _ if from == 0 => {
            Err((Code::Unsupported, "entries are numbered from 1; there is no entry 0".to_owned()))
        }
        None => Err((Code::Unsupported, format!("{from} to {to} ends before it begins"))),
        Some(more) if more >= MAX_REPLAY => {
            let message = format!("at most {MAX_REPLAY} entries come at once; {from} to {to} are more");
            Err((Code::TooLarge, message))
        }
        Some(_) => Ok((from, to)),
    }
}

/// Sends entries of a room again.
pub(crate) fn replay(
    cx: &Context<'_>,
    state: &mut State,
    id: u64,
    replay: &wire::Replay<'_>,
    room: Arc<Room>,
) {
    let refuse = |message: String| cx.refuse(Some(id), Code::TooLarge, message);
    let (from, to) = match range(state, cx, replay) {
        Ok(range) => range,
        Err((code, message)) => return cx.refuse(Some(id), code, message),
    };
    let head = room.head();
    if from > head {
        return refuse(format!("{} has numbers up to {head}", room.name()));
    }
    let to = to.min(head);
    let mut hashes = false;
    if let Some(membership) = state.membership(room.name()) {
        membership.lacks(to, cx.now);
        hashes = membership.hashes;
    }
    match room.replay(from, to, hashes, REPLAY_BYTES, &mut |frame| cx.bring_frame(frame)) {
        Some(to) => {
            let room = room.name().to_string();
            cx.reply(&Event::Replayed(wire::Replayed { id, room, from, to }));
        }
        None => state.reads.replay(id, room, from, to),
    }
}

/// Sends entries of the session's inbox again.
pub(crate) fn replay_inbox(cx: &Context<'_>, state: &mut State, id: u64, replay: &wire::Replay<'_>) {
    let refuse = |message: String| cx.refuse(Some(id), Code::TooLarge, message);
    let (from, to) = match range(state, cx, replay) {
        Ok(range) => range,
        Err((code, message)) => return cx.refuse(Some(id), code, message),
    };
    let inbox = lock(&cx.session.inbox);
    if from > inbox.head() {
        return refuse(format!("{INBOX} has numbers up to {}", inbox.head()));
    }
    let to = to.min(inbox.head());
    if from < inbox.oldest() {
        let gone = Gap { room: INBOX.to_owned(), from, to: to.min(inbox.oldest() - 1) };
        cx.reply(&Event::Gap(gone));
    }
    let mut last = from.max(inbox.oldest()) - 1;
    for frame in within(inbox.frames(from, to), REPLAY_BYTES, Bytes::len) {
        last += 1;
        cx.bring_frame(frame);
    }
    let to = last.min(to);
    cx.reply(&Event::Replayed(wire::Replayed { id, room: INBOX.to_owned(), from, to }));
}
