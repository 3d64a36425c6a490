//! Requests that read entries again: pages of history, and entries the client lacks.

use bytes::Bytes;

use super::context::Context;
use crate::{
    RoomName,
    server::{
        limits::REPLAY_BYTES,
        room::within,
        session::{State, page_frame},
        sync::lock,
    },
    wire::{self, Code, Event, Gap, INBOX, MAX_HISTORY, MAX_REPLAY, RECENT},
};

/// Reads a page of older entries.
pub(crate) fn history(cx: &Context<'_>, state: &mut State, id: u64, history: &wire::History<'_>) {
    let limit = history.limit.unwrap_or(RECENT).clamp(1, MAX_HISTORY);
    if history.room == INBOX {
        let inbox = lock(&cx.session.inbox);
        let newest = inbox.newest_below(history.before.unwrap_or(u64::MAX)).zip(0..limit);
        let page = page_frame(id, &RoomName::inbox(), newest.map(|(entry, _)| entry));
        drop(inbox);
        return cx.reply_frame(page);
    }
    let room = match cx.joined_room(state, id, &history.room) {
        Ok(room) => room,
        Err(error) => return cx.reply(&Event::Error(error)),
    };
    let before = history.before.unwrap_or(u64::MAX).min(room.head() + 1);
    state.reads.history(id, room, before, limit);
}

/// Sends entries again.
pub(crate) fn replay(cx: &Context<'_>, state: &mut State, id: u64, replay: &wire::Replay<'_>) {
    let wire::Replay { from, to, .. } = *replay;
    state.reads.lacked = Some(cx.now);
    let refuse = |message: String| cx.refuse(Some(id), Code::TooLarge, message);
    if from == 0 || to < from || to - from >= MAX_REPLAY {
        return refuse(format!("ask for 1 to {MAX_REPLAY} entries, not for {from} to {to}"));
    }
    if replay.room == INBOX {
        return replay_inbox(cx, id, from, to);
    }
    let room = match cx.joined_room(state, id, &replay.room) {
        Ok(room) => room,
        Err(error) => return cx.reply(&Event::Error(error)),
    };
    let head = room.head();
    if from > head {
        return refuse(format!("{} has numbers up to {head}", room.name()));
    }
    let to = to.min(head);
    if let Some(membership) = state.membership(room.name()) {
        membership.lacks(to, cx.now);
    }
    match room.replay(from, to, REPLAY_BYTES, &mut |frame| cx.reply_frame(frame)) {
        Some(to) => {
            let room = room.name().to_string();
            cx.reply(&Event::Replayed(wire::Replayed { id, room, from, to }));
        }
        None => state.reads.replay(id, room, from, to),
    }
}

fn replay_inbox(cx: &Context<'_>, id: u64, from: u64, to: u64) {
    let inbox = lock(&cx.session.inbox);
    if from > inbox.head() {
        let message = format!("{INBOX} has numbers up to {}", inbox.head());
        return cx.refuse(Some(id), Code::TooLarge, message);
    }
    let to = to.min(inbox.head());
    if from < inbox.oldest() {
        let gone = Gap { room: INBOX.to_owned(), from, to: to.min(inbox.oldest() - 1) };
        cx.reply(&Event::Gap(gone));
    }
    let mut last = from.max(inbox.oldest()) - 1;
    for frame in within(inbox.frames(from, to), REPLAY_BYTES, Bytes::len) {
        last += 1;
        cx.reply_frame(frame);
    }
    let to = last.min(to);
    cx.reply(&Event::Replayed(wire::Replayed { id, room: INBOX.to_owned(), from, to }));
}
