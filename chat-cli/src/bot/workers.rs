//! The workers: run a program for each message, or keep one running for each requester.

use std::{collections::HashMap, rc::Rc};

use chat_core::{PersonName, SharedRuntime};
use futures::{FutureExt, StreamExt, channel::mpsc, future::LocalBoxFuture, stream::FuturesUnordered};

use super::{
    answer::{self, answer},
    job::{Job, Requester},
    job_queue::{Admission, JobQueue},
    note::Note,
    program::Program,
    reply::ReplyHandle,
    session::{self, ProgramSession},
};

/// All running programs. Dropping the workers kills the programs.
pub(crate) struct Workers {
    work: Rc<Work>,
    queue: JobQueue,
    /// The input of each running program session.
    sessions: HashMap<Requester, SessionInput>,
    running: FuturesUnordered<LocalBoxFuture<'static, Option<Finished>>>,
}

/// How jobs are done.
pub(crate) struct Work {
    pub(crate) program: Program,
    pub(crate) me: PersonName,
    pub(crate) mode: Mode,
    pub(crate) max_running: usize,
    pub(crate) replies: ReplyHandle,
    pub(crate) runtime: SharedRuntime,
}

/// When a program is started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// For each message.
    PerMessage(answer::Limits),
    /// Once for each requester; it keeps running.
    Sessions(session::Limits),
}

/// The input of a program session.
struct SessionInput {
    lines: mpsc::Sender<String>,
    /// Whether the latest line found the channel full; the requester has been told.
    is_full: bool,
}

/// A requester whose program has ended, and the lines the program did not read.
struct Finished {
    requester: Requester,
    unread: Vec<String>,
}

impl Workers {
    pub(crate) fn new(work: Work) -> Workers {
        let queue = match work.mode {
            Mode::PerMessage(_) => JobQueue::new(work.max_running),
            Mode::Sessions(_) => JobQueue::without_queue(work.max_running),
        };
        let (sessions, running) = (HashMap::new(), FuturesUnordered::new());
        Workers { work: Rc::new(work), queue, sessions, running }
    }

    /// Starts, queues or refuses `job`, or hands it to the requester's running session.
    pub(crate) fn accept(&mut self, job: Job) {
        if let Some(input) = self.sessions.get_mut(&job.requester) {
            let is_full = input.lines.try_send(job.text).is_err_and(|why| why.is_full());
            if is_full && !std::mem::replace(&mut input.is_full, is_full) {
                self.refuse(job.requester);
            }
            return;
        }
        match self.queue.submit(job) {
            Admission::Run(job) => self.start(job),
            Admission::Displaces(requester) | Admission::Refused(requester) => self.refuse(requester),
            Admission::Queued | Admission::RefusedAgain => {}
        }
    }

    /// Ends the session of `requester`, who has left.
    pub(crate) fn end_session(&mut self, requester: &Requester) {
        self.sessions.remove(requester);
    }

    /// Drives the running programs; never completes.
    pub(crate) async fn run(&mut self) {
        while let Some(finished) = self.running.next().await {
            let Some(Finished { requester, unread }) = finished else { continue };
            self.sessions.remove(&requester);
            if let Some(next) = self.queue.finish(&requester) {
                self.start(next);
            }
            for text in unread {
                self.accept(Job { requester: requester.clone(), text });
            }
        }
        futures::future::pending().await
    }

    fn refuse(&self, requester: Requester) {
        let mut replies = self.work.replies.clone();
        let refusal = async move {
            replies.send(&requester, Note::Busy.to_string()).await;
            None
        };
        self.running.push(refusal.boxed_local());
    }

    fn start(&mut self, job: Job) {
        let work = self.work.clone();
        let future = match work.mode {
            Mode::PerMessage(limits) => work.run_once(job, limits).boxed_local(),
            Mode::Sessions(limits) => {
                let (mut sender, lines) = mpsc::channel(MAX_UNREAD_LINES);
                let _ = sender.try_send(job.text); // an empty channel has room for it
                let requester = job.requester.clone();
                self.sessions.insert(requester.clone(), SessionInput { lines: sender, is_full: false });
                work.run_session(requester, lines, limits).boxed_local()
            }
        };
        self.running.push(future);
    }
}

impl Work {
    async fn run_once(self: Rc<Work>, job: Job, limits: answer::Limits) -> Option<Finished> {
        let text = answer(&self.program, &self.me, &job, limits, &self.runtime).await;
        self.replies.clone().send(&job.requester, text).await;
        Some(Finished { requester: job.requester, unread: Vec::new() })
    }

    async fn run_session(
        self: Rc<Work>,
        requester: Requester,
        mut lines: mpsc::Receiver<String>,
        limits: session::Limits,
    ) -> Option<Finished> {
        let Work { program, me, replies, runtime, .. } = &*self;
        let session =
            ProgramSession { program, me, requester: &requester, replies: replies.clone(), limits, runtime };
        session.run(&mut lines).await;
        lines.close();
        Some(Finished { unread: lines.collect().await, requester })
    }
}

/// How many lines may wait for a program that does not read them.
const MAX_UNREAD_LINES: usize = 16;
