//! Messages: taken in at their turn, at the client's pace, and once each.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::context::Context;
use crate::{
    PersonName,
    server::{
        access::{self, Action, Place},
        accounts::{Account, Held},
        limits::{BUSY_RETRY_MS, Kind},
        queue::Submission,
        room::Room,
        session::{Conflict, Direct, RefusedForNow, Session, State, Telling, Turn},
        sync::lock,
    },
    text::{TextError, check_text, check_topic},
    wire::{self, Ack, Body, Code, EntryKind, Event, INBOX, Post, Request, RequestBody, Target, excerpt},
};

/// The outcome of a message.
#[derive(Debug)]
enum MessageOutcome {
    /// The message is answered, or the broker will answer it.
    Answered,
    /// The message is refused for now, and the client has been told.
    RefusedForNow,
    /// The message is refused for good, and the client has to be told.
    Refused(wire::Error),
}

/// Deals with a message when it is its turn, and with those that waited for it.
pub(crate) fn take_in(cx: &Context<'_>, state: &mut State, message: Request<'_>) {
    for (id, refusal) in cx.session.mailbox().take_refused_late() {
        state.sequence.refused_after_all(id, refusal);
    }
    take_next(cx, state, message);
    while let Some(held) = state.sequence.release() {
        take_next(cx, state, held);
    }
}

fn take_next(cx: &Context<'_>, state: &mut State, message: Request<'_>) {
    let (id, order, is_lossless) = (message.id, message.order, state.promises.is_lossless());
    let turn = state.sequence.turn(id, order, is_lossless);
    let repeated = turn == Turn::Before;
    let outcome = match turn {
        Turn::Later => return state.sequence.hold(message.into_owned()),
        Turn::OfOneRefused => return refuse_with_others(cx, state, &message),
        Turn::Refused(refusal) => return refuse_again(cx, state, &message, refusal),
        Turn::Now | Turn::Before => match id {
            Some(id) => take(cx, state, (id, repeated), &message.body),
            None => MessageOutcome::Answered,
        },
    };
    match outcome {
        MessageOutcome::Answered => state.sequence.done(id, order, None),
        MessageOutcome::RefusedForNow => {
            let _ = state.sequence.refused(order); // the client has been told
        }
        MessageOutcome::Refused(error) => {
            let refusal = wire::write(&Event::Error(error));
            state.sequence.done(id, order, Some(refusal.clone()));
            cx.reply_frame(refusal);
        }
    }
}

/// Repeats the refusal of a message that was refused for good.
fn refuse_again(cx: &Context<'_>, state: &mut State, message: &Request<'_>, refusal: Bytes) {
    if message.id.is_none_or(|id| !is_asked_too_often(cx, state, id)) {
        cx.reply_frame(refusal);
    }
}

/// Refuses a message that would overtake one before it, which was refused for now.
fn refuse_with_others(cx: &Context<'_>, state: &mut State, message: &Request<'_>) {
    // On a lossless link clients do not send again by themselves, so every message is answered.
    if !state.sequence.refused(message.order) && !state.promises.is_lossless() {
        return;
    }
    let (until, code) = state.refused.as_ref().map_or((cx.now, Code::Busy), |it| (it.until, it.code));
    let wait = until.saturating_duration_since(cx.now).max(Duration::from_millis(BUSY_RETRY_MS));
    if let Some(id) = message.id {
        cx.refuse_for_now(id, code, "a message before this one was refused", wait);
    }
}

/// Takes in a message whose turn it is.
fn take(
    cx: &Context<'_>,
    state: &mut State,
    (id, repeated): (u64, bool),
    body: &RequestBody<'_>,
) -> MessageOutcome {
    let (RequestBody::Post(post), Some((action, room))) = (body, Action::of(body)) else {
        return MessageOutcome::Answered; // no message
    };
    let permitted = access::permits(state, id, action, room);
    match (permitted.and_then(|place| check(id, post).map(|()| place)), &post.to) {
        (Err(error), _) => MessageOutcome::Refused(error),
        (Ok(Place::Joined(room)), Target::Room(_)) => submit(cx, state, (id, repeated), room, post),
        (Ok(_), Target::Person(to)) => tell(cx, state, (id, repeated), to, post),
        (Ok(place), to) => unreachable!("a message to {to:?} is not permitted at {place:?}"),
    }
}

/// Checks the text of a message.
fn check(id: u64, post: &Post<'_>) -> Result<(), wire::Error> {
    let checked =
        if post.kind == EntryKind::Topic { check_topic(&post.text) } else { check_text(&post.text) };
    checked.map_err(|error| bad_text(id, &error))
}

/// Submits a message or a topic to the broker.
fn submit(
    cx: &Context<'_>,
    state: &mut State,
    (id, repeated): (u64, bool),
    room: Arc<Room>,
    post: &Post<'_>,
) -> MessageOutcome {
    if (repeated || !state.promises.is_lossless()) && cx.session.mailbox().is_with_broker(id) {
        return MessageOutcome::Answered; // the broker has the same message
    }
    if is_too_fast(cx, state, id, repeated, post) {
        return MessageOutcome::RefusedForNow;
    }
    cx.session.mailbox().asked_broker(id);
    let submission = Submission {
        mailbox: cx.session.mailbox().clone(),
        host: state.payers.host.host(),
        client: cx.session.client(),
        author: cx.session.author(post.bot),
        id,
        room,
        body: body(post),
    };
    if cx.hub.submit(submission).is_ok() {
        return MessageOutcome::Answered;
    }
    let wait = Duration::from_millis(BUSY_RETRY_MS);
    cx.session.mailbox().settled(id);
    refuse_for_now(cx, state, id, Code::Busy, "too many messages wait to be stored".to_owned(), wait);
    MessageOutcome::RefusedForNow
}

/// Puts a direct message into the inboxes of both people.
fn tell(
    cx: &Context<'_>,
    state: &mut State,
    (id, repeated): (u64, bool),
    to: &str,
    post: &Post<'_>,
) -> MessageOutcome {
    if is_too_fast(cx, state, id, repeated, post) {
        return MessageOutcome::RefusedForNow;
    }
    // A full inbox of the recipient also counts as answered: messages to other people do not wait for that.
    tell_now(cx, &state.payers.host, (id, to), post)
        .map_or_else(MessageOutcome::Refused, |()| MessageOutcome::Answered)
}

fn tell_now(
    cx: &Context<'_>,
    host: &Arc<Account>,
    (id, to): (u64, &str),
    post: &Post<'_>,
) -> Result<(), wire::Error> {
    let not_here = || Err(wire::Error::of(id, Code::NotHere, format!("{:?} is not here", excerpt(to))));
    let Ok(to) = PersonName::parse(to) else { return not_here() };
    let (author, body) = (cx.session.author(post.bot), body(post));
    let telling = Telling {
        request: (cx.session.client(), id),
        author: &author,
        to: &to,
        at: cx.hub.time_of_day(),
        body: &body,
    };
    // One inbox is locked at a time: the other person may be telling us something at this moment.
    let known = lock(&cx.session.inbox).find(&telling);
    let position = match known {
        Err(Conflict) => {
            return Err(wire::Error::of(id, Code::Conflict, "this id was used for another message"));
        }
        Ok(Some(position)) => position,
        Ok(None) => {
            let Some(reader) = cx.hub.find(&to) else { return not_here() };
            let telling = Telling { to: reader.name(), ..telling };
            if lock(&cx.session.inbox).is_full() {
                refuse_unread(cx, id, "you have");
                return Ok(());
            }
            let Some(bytes) = hold(cx, host, &reader, telling.size()) else {
                let message = "too many direct messages wait to be read; try again later";
                cx.refuse_for_now(id, Code::Busy, message, Duration::from_millis(BUSY_RETRY_MS));
                return Ok(());
            };
            let direct = telling.keep(bytes);
            if !Arc::ptr_eq(&reader, cx.session) && !deliver(&reader, &telling, &direct) {
                refuse_unread(cx, id, &format!("{} has", reader.name()));
                return Ok(());
            }
            lock(&cx.session.inbox).push(direct)
        }
    };
    cx.reply(&Event::Ack(Ack { id, room: INBOX.to_owned(), seq: position.seq, at: position.at }));
    Ok(())
}

/// Puts a direct message into the inbox of `reader`, unless it is there already. Returns false if the inbox is full.
fn deliver(reader: &Session, telling: &Telling<'_>, direct: &Arc<Direct>) -> bool {
    let mut inbox = lock(&reader.inbox);
    if matches!(inbox.find(telling), Ok(Some(_))) {
        return true;
    }
    if inbox.is_full() {
        return false;
    }
    inbox.push(direct.clone());
    drop(inbox);
    reader.wake();
    true
}

/// Takes so many bytes of the bounds for direct messages, that of the author's host and that of all. Inboxes let go of what
/// was read before a message is refused.
fn hold(cx: &Context<'_>, host: &Arc<Account>, reader: &Session, bytes: usize) -> Option<[Held; 2]> {
    let take = || {
        let of_host = Held::take(host, |host| &host.inbox_bytes, bytes, cx.limits.inbox_bytes_per_host)?;
        let everybody = cx.hub.accounts.everybody();
        let of_all = Held::take(everybody, |all| &all.inbox_bytes, bytes, cx.limits.inbox_bytes)?;
        Some([of_host, of_all])
    };
    take().or_else(|| {
        lock(&cx.session.inbox).forget_read();
        lock(&reader.inbox).forget_read();
        cx.hub.make_space_in_inboxes(cx.now);
        take()
    })
}

fn refuse_unread(cx: &Context<'_>, id: u64, who_has: &str) {
    let message = format!("{who_has} not read earlier direct messages");
    cx.refuse_for_now(id, Code::Busy, message, Duration::from_millis(BUSY_RETRY_MS));
}

fn is_too_fast(cx: &Context<'_>, state: &mut State, id: u64, repeated: bool, post: &Post<'_>) -> bool {
    if repeated {
        // The message itself was within the limit; the repetition only asks for its answer.
        return is_asked_too_often(cx, state, id);
    }
    if let Some(refused) = state.refused.as_ref().filter(|refused| refused.until > cx.now) {
        cx.refuse_for_now(id, refused.code, &refused.message, refused.until - cx.now);
        return true;
    }
    let bytes = u32::try_from(post.text.len()).unwrap_or(u32::MAX);
    let costs = [(Kind::Messages, 1), (Kind::BytesSaid, bytes), (Kind::BytesKept, bytes)];
    let Err(spent) = state.payers.spend(cx.limits, &costs, cx.now) else { return false };
    refuse_for_now(cx, state, id, Code::RateLimited, spent.message(), spent.wait);
    true
}

/// Refuses a message for now, and with it those that come before that time is over.
fn refuse_for_now(cx: &Context<'_>, state: &mut State, id: u64, code: Code, message: String, wait: Duration) {
    cx.refuse_for_now(id, code, &message, wait);
    state.refused = Some(RefusedForNow { until: cx.now + wait, code, message });
}

fn is_asked_too_often(cx: &Context<'_>, state: &mut State, id: u64) -> bool {
    let Err(spent) = state.payers.spend(cx.limits, &[(Kind::Requests, 1)], cx.now) else { return false };
    cx.refuse_spent(id, &spent);
    true
}

/// The body of the entry that a message becomes.
fn body(post: &Post<'_>) -> Arc<Body> {
    Arc::new(Body { kind: post.kind.clone(), text: post.text.as_ref().to_owned(), fields: None })
}

fn bad_text(id: u64, error: &TextError) -> wire::Error {
    let code = if matches!(error, TextError::TooLong { .. }) { Code::TooLarge } else { Code::BadText };
    wire::Error::of(id, code, error.to_string())
}
