//! Requests that read entries again: pages of history, and entries the client lacks.

use std::sync::Arc;

use bytes::Bytes;

use super::context::Context;
use crate::{
    RoomName,
    server::{
        limits::REPLAY_BYTES,
        room::{Room, within},
        session::{State, page_frame},
        sync::lock,
    },
    wire::{self, Code, Event, Gap, INBOX, MAX_HISTORY, MAX_REPLAY, RECENT},
};

/// Reads a page of older entries of a room.
pub(crate) fn history(state: &mut State, id: u64, history: &wire::History<'_>, room: Arc<Room>) {
    let before = history.before.unwrap_or(u64::MAX).min(room.head() + 1);
    state.reads.history(id, room, before, limit(history), history.hashes);
}

/// Reads a page of older entries of the session's inbox.
pub(crate) fn history_of_inbox(cx: &Context<'_>, id: u64, history: &wire::History<'_>) {
    let inbox = lock(&cx.session.inbox);
    let newest = inbox.newest_below(history.before.unwrap_or(u64::MAX)).zip(0..limit(history));
    let page = page_frame(id, &RoomName::inbox(), newest.map(|(entry, _)| entry));
    drop(inbox);
    cx.bring_frame(page);
}

fn limit(history: &wire::History<'_>) -> u64 {
    history.limit.unwrap_or(RECENT).clamp(1, MAX_HISTORY)
}

/// The range that a client asks for again, or why it cannot have it.
fn range(state: &mut State, cx: &Context<'_>, replay: &wire::Replay<'_>) -> Result<(u64, u64), String> {
    let wire::Replay { from, to, .. } = *replay;
    state.reads.lacked = Some(cx.now);
    if from == 0 || to < from || to - from >= MAX_REPLAY {
        return Err(format!("ask for 1 to {MAX_REPLAY} entries, not for {from} to {to}"));
    }
    Ok((from, to))
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
        Err(message) => return refuse(message),
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
        Err(message) => return refuse(message),
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
