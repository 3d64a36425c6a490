//! Replies: sends the output of programs as messages, in order, and tells the program's task once they are stored.

use std::{cell::RefCell, collections::HashMap};

use chat_core::{
    client::{Closed, Remote, Update},
    wire::{Code, Event, Post, RequestBody},
};
use futures::{
    SinkExt, StreamExt,
    channel::{mpsc, oneshot},
};

use super::{job::Requester, program_output::messages};

/// A handle of the sender task. Sending waits until the reply is stored, so a program cannot send faster than the server
/// accepts messages.
#[derive(Clone, Debug)]
pub(crate) struct ReplyHandle {
    replies: mpsc::Sender<Reply>,
}

/// The task that sends all replies, one after the other.
#[derive(Debug)]
pub(crate) struct SenderTask {
    replies: mpsc::Receiver<Reply>,
}

/// A text for a requester.
#[derive(Debug)]
struct Reply {
    requester: Requester,
    text: String,
    done: oneshot::Sender<Delivery>,
}

/// The outcome of a reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    Stored,
    /// The requester is not here any more, or the server could not store the reply.
    Refused,
}

/// The replies that are not acknowledged yet, each with the task that waits for it.
#[derive(Debug, Default)]
pub(crate) struct Unacknowledged {
    waiting: RefCell<HashMap<u64, oneshot::Sender<Delivery>>>,
}

/// A reply handle and the sender task it belongs to.
pub(crate) fn channel() -> (ReplyHandle, SenderTask) {
    let (sender, replies) = mpsc::channel(0); // each clone of the handle has room for one reply
    (ReplyHandle { replies: sender }, SenderTask { replies })
}

impl ReplyHandle {
    /// Sends `text` to `requester`, split into as many messages as needed.
    pub(crate) async fn send(&mut self, requester: &Requester, text: String) -> Delivery {
        if text.is_empty() {
            return Delivery::Stored;
        }
        let (done, stored) = oneshot::channel();
        let reply = Reply { requester: requester.clone(), text, done };
        match self.replies.send(reply).await {
            Ok(()) => stored.await.unwrap_or(Delivery::Refused),
            Err(_) => Delivery::Refused,
        }
    }
}

impl SenderTask {
    /// Sends replies until all handles are dropped. The tags of its requests are numbers from 1 on.
    ///
    /// # Errors
    /// When the session has ended.
    pub(crate) async fn run(
        mut self,
        mut remote: Remote,
        unacknowledged: &Unacknowledged,
    ) -> Result<(), Closed> {
        let mut tag = 0;
        while let Some(Reply { requester, text, done }) = self.replies.next().await {
            let mut done = Some(done);
            let mut messages = messages(&prefix(&requester, &text), &text).into_iter().peekable();
            while let Some(message) = messages.next() {
                tag += 1;
                if messages.peek().is_none()
                    && let Some(done) = done.take()
                {
                    unacknowledged.waiting.borrow_mut().insert(tag, done);
                }
                remote.ask(request(&requester, message), tag).await?;
            }
        }
        Ok(())
    }
}

/// The beginning of the first message of a reply. A text of several lines starts on a line of its own, because it may be
/// a table.
fn prefix(requester: &Requester, text: &str) -> String {
    match (requester.room.is_inbox(), text.contains('\n')) {
        (true, _) => String::new(),
        (false, true) => format!("{}:\n", requester.person),
        (false, false) => format!("{}: ", requester.person),
    }
}

fn request(requester: &Requester, text: String) -> RequestBody<'static> {
    let post = match requester.room.is_inbox() {
        true => Post::tell(requester.person.to_string(), text),
        false => Post::say(requester.room.to_string(), text),
    };
    post.by_bot(true).into()
}

impl Unacknowledged {
    /// Tells the waiting task, if `update` is the acknowledgement or the error for its reply.
    pub(crate) fn on_update(&self, update: &Update) {
        let Update::Reply { tag, reply } = update else { return };
        let delivery = match reply {
            Event::Error(error) => {
                if error.code != Code::NotHere {
                    tracing::warn!("a reply was refused: {}", error.message);
                }
                Delivery::Refused
            }
            _ => Delivery::Stored,
        };
        if let Some(done) = self.waiting.borrow_mut().remove(tag) {
            let _ = done.send(delivery); // the waiting task may have ended
        }
    }
}
