//! Saying what a program printed: in order, marked as said by a program, and told once it is stored.

use std::{cell::RefCell, collections::HashMap};

use chat_core::{
    client::{Closed, Remote, Update},
    wire::{Code, Event, Request, Say, Tell},
};
use futures::{
    SinkExt, StreamExt,
    channel::{mpsc, oneshot},
};

use super::{ears::Caller, print::messages};

/// Where answers go in. Each is stored before whoever said it goes on, so nobody says more than the server takes.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    answers: mpsc::Sender<Answer>,
}

/// The other end of it.
#[derive(Debug)]
pub(crate) struct Mouth {
    answers: mpsc::Receiver<Answer>,
}

/// What is to be said to somebody.
#[derive(Debug)]
struct Answer {
    caller: Caller,
    text: String,
    done: oneshot::Sender<Said>,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Said {
    Stored,
    /// Whoever it was for is not here, or it could not be stored.
    Refused,
}

/// Messages that are not stored yet, with those who wait for that.
#[derive(Debug, Default)]
pub(crate) struct Unstored {
    waiting: RefCell<HashMap<u64, oneshot::Sender<Said>>>,
}

/// A voice, and the mouth that speaks with it.
pub(crate) fn voice() -> (Voice, Mouth) {
    let (sender, answers) = mpsc::channel(0); // each clone may leave one
    (Voice { answers: sender }, Mouth { answers })
}

impl Voice {
    /// Says `text` to `caller`, in as many messages as it takes.
    pub(crate) async fn say(&mut self, caller: &Caller, text: String) -> Said {
        if text.is_empty() {
            return Said::Stored;
        }
        let (done, stored) = oneshot::channel();
        let answer = Answer { caller: caller.clone(), text, done };
        match self.answers.send(answer).await {
            Ok(()) => stored.await.unwrap_or(Said::Refused),
            Err(_) => Said::Refused,
        }
    }
}

impl Mouth {
    /// Says what comes to be said, for as long as there is somebody who may. Tags are numbers from 1 on.
    ///
    /// # Errors
    /// When the conversation is over.
    pub(crate) async fn speak(mut self, mut remote: Remote, unstored: &Unstored) -> Result<(), Closed> {
        let mut tag = 0;
        while let Some(Answer { caller, text, done }) = self.answers.next().await {
            let mut done = Some(done);
            let mut messages = messages(&address(&caller, &text), &text).into_iter().peekable();
            while let Some(message) = messages.next() {
                tag += 1;
                if messages.peek().is_none()
                    && let Some(done) = done.take()
                {
                    unstored.waiting.borrow_mut().insert(tag, done);
                }
                remote.ask(request(&caller, message), tag).await?;
            }
        }
        Ok(())
    }
}

/// What the first message of an answer begins with. Where there are more lines, none is moved from below the others: it
/// may be a table.
fn address(caller: &Caller, text: &str) -> String {
    match (caller.room.is_inbox(), text.contains('\n')) {
        (true, _) => String::new(),
        (false, true) => format!("{}:\n", caller.person),
        (false, false) => format!("{}: ", caller.person),
    }
}

fn request(caller: &Caller, text: String) -> Request<'static> {
    let (room, to, text) = (caller.room.to_string().into(), caller.person.to_string().into(), text.into());
    match caller.room.is_inbox() {
        true => Request::Tell(Tell { id: 0, to, text, order: None, bot: true }),
        false => Request::Say(Say { id: 0, room, text, order: None, bot: true }),
    }
}

impl Unstored {
    /// Tells who waits for it, if this is what became of a message.
    pub(crate) fn hear(&self, update: &Update) {
        let Update::Reply { tag, reply } = update else { return };
        let said = match reply {
            Event::Error(error) => {
                if error.code != Code::NotHere {
                    tracing::warn!("not said: {}", error.message);
                }
                Said::Refused
            }
            _ => Said::Stored,
        };
        if let Some(done) = self.waiting.borrow_mut().remove(tag) {
            let _ = done.send(said); // whoever said it may be gone
        }
    }
}
