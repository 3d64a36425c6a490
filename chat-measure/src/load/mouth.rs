//! When a sender says what: at times that are fixed beforehand, or when enough was answered.

use std::sync::Arc;

use super::{Pace, mark::Mark, shared::Shared};

/// One sender's part in what is said.
pub(super) struct Mouth {
    shared: Arc<Shared>,
    nth: usize,
    room: usize,
    /// Whether it is time to talk at all.
    has_begun: bool,
    said: u64,
    unanswered: usize,
    silent_until: u64,
}

/// What a sender does next. Times are in microseconds since the load began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Say this now.
    Say(Mark),
    /// Wait until then.
    At(u64),
    /// Wait for an answer.
    Answer,
    /// Nothing any more.
    Over,
}

impl Mouth {
    /// That of client `nth`; none if it only listens.
    pub(super) fn of(nth: usize, shared: &Arc<Shared>) -> Option<Mouth> {
        let load = &shared.load;
        let speaks = nth < load.senders && load.pace != Pace::Idle;
        let room = load.room(nth);
        speaks.then(|| Mouth {
            shared: shared.clone(),
            nth,
            room,
            has_begun: false,
            said: 0,
            unanswered: 0,
            silent_until: 0,
        })
    }

    /// What to do now. What is to be said counts as said: its sender is ready for it.
    pub(super) fn next(&mut self, now: u64) -> Next {
        if !self.has_begun && !self.shared.has_begun() {
            return Next::At(0);
        }
        self.has_begun = true;
        let load = &self.shared.load;
        if now >= load.stops() {
            return Next::Over;
        }
        if now < self.silent_until {
            return Next::At(self.silent_until);
        }
        let mark = match load.pace {
            Pace::Idle => return Next::Over,
            Pace::Rate(rate) => {
                let number = self.nth as u64 + self.said * load.senders as u64;
                let due = due(number, rate);
                if number >= load.most() || due >= load.ends() {
                    return Next::Over;
                }
                if now < due {
                    return Next::At(due);
                }
                Mark { number, due }
            }
            Pace::Window(window) if self.unanswered == window => return Next::Answer,
            Pace::Window(_) => match self.shared.counters.next_number() {
                number if number >= load.most() => return Next::Over,
                number => Mark { number, due: now },
            },
        };
        self.said += 1;
        self.unanswered += 1;
        self.shared.said(self.room, mark.number);
        Next::Say(mark)
    }

    /// A message was answered well.
    pub(super) fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// A message was refused, and is not said again. A sender that says as much as it can waits until something helps.
    pub(super) fn refused(&mut self, number: u64, retry_after: Option<u64>, now: u64) {
        self.answered();
        self.shared.refused(self.room, number);
        if let (Pace::Window(_), Some(millis)) = (self.shared.load.pace, retry_after) {
            self.silent_until = now + millis.saturating_mul(1000);
        }
    }
}

/// When message `number` is due.
fn due(number: u64, rate: f64) -> u64 {
    (number as f64 * 1e6 / rate) as u64
}

/// How many messages are due before `end`.
pub(super) fn due_before(end: u64, rate: f64) -> u64 {
    let about = (end as f64 * rate / 1e6) as u64;
    // What is rounded in one direction need not be what is rounded in the other.
    (about.saturating_sub(2)..).find(|number| due(*number, rate) >= end).unwrap_or(about)
}
