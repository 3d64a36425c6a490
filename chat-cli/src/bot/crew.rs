//! The programs that run, each for one caller: one run for a message, or one for as long as somebody talks.

use std::{collections::HashMap, rc::Rc};

use chat_core::{PersonName, SharedRuntime};
use futures::{FutureExt, StreamExt, channel::mpsc, future::LocalBoxFuture, stream::FuturesUnordered};

use super::{
    answer::{self, answer},
    desk::{Desk, Turn},
    ears::{Call, Caller},
    note::Note,
    program::Program,
    session::{self, Session},
    voice::Voice,
};

/// Everybody at work. Dropping it ends all programs.
pub(crate) struct Crew {
    work: Rc<Work>,
    desk: Desk,
    /// By caller who has a program running: where its lines go in.
    sessions: HashMap<Caller, Lines>,
    running: FuturesUnordered<LocalBoxFuture<'static, Option<Done>>>,
}

/// What is done for a call.
pub(crate) struct Work {
    pub(crate) program: Program,
    pub(crate) me: PersonName,
    pub(crate) kind: Kind,
    pub(crate) at_once: usize,
    pub(crate) voice: Voice,
    pub(crate) runtime: SharedRuntime,
}

/// How calls are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// By a run of the program for each.
    Runs(answer::Limits),
    /// By a program that keeps running for each caller.
    Sessions(session::Limits),
}

/// The lines for a program that runs.
struct Lines {
    sender: mpsc::Sender<String>,
    /// The last one found no place, which was said.
    turned_away: bool,
}

/// A caller who was served, and lines that came too late.
struct Done {
    caller: Caller,
    unread: Vec<String>,
}

impl Crew {
    pub(crate) fn new(work: Work) -> Crew {
        let desk = match work.kind {
            Kind::Runs(_) => Desk::new(work.at_once),
            Kind::Sessions(_) => Desk::without_queue(work.at_once),
        };
        let (sessions, running) = (HashMap::new(), FuturesUnordered::new());
        Crew { work: Rc::new(work), desk, sessions, running }
    }

    /// Takes a call.
    pub(crate) fn take(&mut self, call: Call) {
        if let Some(lines) = self.sessions.get_mut(&call.caller) {
            let is_full = lines.sender.try_send(call.text).is_err_and(|why| why.is_full());
            if is_full && !std::mem::replace(&mut lines.turned_away, is_full) {
                self.turn_away(call.caller);
            }
            return;
        }
        match self.desk.comes(call) {
            Turn::Now(call) => self.serve(call),
            Turn::TurnedAway(caller) => self.turn_away(caller),
            Turn::Later | Turn::TurnedAwayAgain => {}
        }
    }

    /// The caller is gone: nothing is to be answered any more.
    pub(crate) fn hang_up(&mut self, caller: &Caller) {
        self.sessions.remove(caller);
    }

    /// Works on, for ever.
    pub(crate) async fn work(&mut self) {
        while let Some(done) = self.running.next().await {
            let Some(Done { caller, unread }) = done else { continue };
            self.sessions.remove(&caller);
            if let Some(next) = self.desk.goes(&caller) {
                self.serve(next);
            }
            for text in unread {
                self.take(Call { caller: caller.clone(), text });
            }
        }
        futures::future::pending().await
    }

    fn turn_away(&self, caller: Caller) {
        let mut voice = self.work.voice.clone();
        let refusal = async move {
            voice.say(&caller, Note::Busy.to_string()).await;
            None
        };
        self.running.push(refusal.boxed_local());
    }

    fn serve(&mut self, call: Call) {
        let work = self.work.clone();
        let future = match work.kind {
            Kind::Runs(limits) => work.run(call, limits).boxed_local(),
            Kind::Sessions(limits) => {
                let (mut sender, lines) = mpsc::channel(LINES);
                let _ = sender.try_send(call.text); // there is a place for it
                let caller = call.caller.clone();
                self.sessions.insert(caller.clone(), Lines { sender, turned_away: false });
                work.converse(caller, lines, limits).boxed_local()
            }
        };
        self.running.push(future);
    }
}

impl Work {
    async fn run(self: Rc<Work>, call: Call, limits: answer::Limits) -> Option<Done> {
        let text = answer(&self.program, &self.me, &call, limits, &self.runtime).await;
        self.voice.clone().say(&call.caller, text).await;
        Some(Done { caller: call.caller, unread: Vec::new() })
    }

    async fn converse(
        self: Rc<Work>,
        caller: Caller,
        mut lines: mpsc::Receiver<String>,
        limits: session::Limits,
    ) -> Option<Done> {
        let Work { program, me, voice, runtime, .. } = &*self;
        let session = Session { program, me, caller: &caller, voice: voice.clone(), limits, runtime };
        session.run(&mut lines).await;
        lines.close();
        Some(Done { unread: lines.collect().await, caller })
    }
}

/// Lines that wait for a program that does not read them.
const LINES: usize = 16;
