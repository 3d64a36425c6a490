//! Decides when a sender sends which message: at fixed times, or as soon as enough replies came.

use std::sync::Arc;

use super::{
    shared::Shared,
    spec::{Pace, due},
    stamp::Stamp,
};

/// The sending half of one client.
pub(super) struct Sender {
    shared: Arc<Shared>,
    nth: usize,
    room: usize,
    /// Whether the load has begun, remembered so that the clock need not be asked again.
    has_begun: bool,
    said: u64,
    unanswered: usize,
    silent_until: u64,
}

/// What a sender does next. Times are in microseconds since the load began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NextStep {
    /// Send the message with this stamp now.
    Send(Stamp),
    /// Wait until this time.
    WaitUntil(u64),
    /// Wait for a reply.
    WaitForReply,
    /// The sender has nothing more to send.
    Done,
}

impl Sender {
    /// The sender of client `nth`; `None` if the client only receives.
    pub(super) fn of(nth: usize, shared: &Arc<Shared>) -> Option<Sender> {
        let load = &shared.load;
        let sends = nth < load.senders && load.pace != Pace::Idle;
        let room = load.room_of(nth);
        sends.then(|| Sender {
            shared: shared.clone(),
            nth,
            room,
            has_begun: false,
            said: 0,
            unanswered: 0,
            silent_until: 0,
        })
    }

    /// Returns the next step. A message that is to be sent is counted as sent at once, so the link has to be ready for it.
    pub(super) fn next(&mut self, now: u64) -> NextStep {
        if !self.has_begun && !self.shared.has_begun() {
            return NextStep::WaitUntil(0);
        }
        self.has_begun = true;
        let load = &self.shared.load;
        if now >= load.stops() {
            return NextStep::Done;
        }
        if now < self.silent_until {
            return NextStep::WaitUntil(self.silent_until);
        }
        let stamp = match load.pace {
            Pace::Idle => return NextStep::Done,
            Pace::Rate(rate) => {
                let number = self.nth as u64 + self.said * load.senders as u64;
                let due = due(number, rate);
                if number >= load.end_number() || due >= load.ends() {
                    return NextStep::Done;
                }
                if now < due {
                    return NextStep::WaitUntil(due);
                }
                Stamp { number, due }
            }
            Pace::Window(window) if self.unanswered == window => return NextStep::WaitForReply,
            Pace::Window(_) => match self.shared.counters.next_number() {
                number if number >= load.end_number() => return NextStep::Done,
                number => Stamp { number, due: now },
            },
        };
        self.said += 1;
        self.unanswered += 1;
        self.shared.note_said(self.room, stamp.number);
        NextStep::Send(stamp)
    }

    /// Notes that a message was stored.
    pub(super) fn note_answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// Notes that a message was refused; the message is not sent again. A sender with a window pauses for `retry_after`
    /// milliseconds, as the server asks; one with a rate keeps its times.
    pub(super) fn note_refused(&mut self, number: u64, retry_after: Option<u64>, now: u64) {
        self.note_answered();
        self.shared.note_refused(self.room, number);
        if let (Pace::Window(_), Some(millis)) = (self.shared.load.pace, retry_after) {
            self.silent_until = now + millis.saturating_mul(1000);
        }
    }
}
