//! What the client of an open link asks for: requests are dealt with at once, or wait for the share of their host, and
//! the log is read for them.

use std::time::Instant;

use super::{
    connection::{Connection, Phase},
    login::welcome,
};
use crate::{
    log::{Hit, LogError},
    server::{
        refusal::storage_error,
        requests::{self, Allowance, Handled},
        session::{LogAnswer, NextRead},
    },
    wire::{Request, RequestBody},
};

impl Connection {
    pub(super) fn request(&mut self, request: Request<'_>, now: Instant) {
        let Phase::Open(attachment) = &self.phase else { return };
        if matches!(request.body, RequestBody::Hello(_)) && !self.promises.is_lossless() {
            // The first welcome may have been lost.
            let again = || welcome(&self.hub, &attachment.session, attachment.resumed);
            return attachment.session.welcome_again(attachment.link, &self.hub.limits(), now, again);
        }
        self.permit.is_used();
        let allowance = Allowance::new(self.pace.may_read());
        match requests::handle(&self.hub, attachment, request, &allowance, now) {
            Ok(Handled::Continue) => {}
            Ok(Handled::Bye) => self.bye = true,
            Err(_) => self.superseded(),
        }
        self.has_read(allowance.spent(), now);
    }

    /// Deals with a request that had to wait because its host had asked for much.
    pub(crate) fn request_again(&mut self, request: Request<'static>, now: Instant) {
        let Phase::Open(attachment) = &self.phase else { return };
        let allowance = Allowance::new(true);
        if requests::again(&self.hub, attachment, request, &allowance, now).is_err() {
            self.superseded();
        }
        self.has_read(allowance.spent(), now);
    }

    fn has_read(&mut self, bytes: usize, now: Instant) {
        if bytes > 0 {
            self.pace.has_read(&self.hub.limits(), bytes, now);
        }
    }

    /// Whether the client may be sent what it asked for. A server that stops sends everything it still can.
    pub(super) fn may_read(&self) -> bool {
        self.pace.may_read() || self.hub.is_stopping()
    }

    /// The next read; that of the log comes back through [`Connection::on_read`], a request through
    /// [`Connection::request_again`].
    pub(crate) fn next_read(&self) -> Option<NextRead> {
        match &self.phase {
            Phase::Open(attachment) => attachment.session.next_read(attachment.link, self.may_read()),
            _ => None,
        }
    }

    pub(crate) fn on_read(&mut self, mut answer: Result<LogAnswer, LogError>, now: Instant) {
        let Phase::Open(attachment) = &self.phase else { return };
        if let Ok(LogAnswer::Found(found)) = &mut answer {
            // Only published entries: the log may hold more, whose acks are yet to come.
            let published =
                |hit: &Hit| self.hub.room(&hit.room).is_some_and(|room| hit.entry.seq <= room.head());
            found.hits.retain(published);
        }
        let sign = |room: &_, seq, hash| self.hub.sign(room, seq, hash);
        match attachment.session.on_read(attachment.link, answer, &sign) {
            Ok(read) => self.has_read(read, now),
            Err(error) => {
                tracing::error!(%error, name = %attachment.session.name(), "a room cannot be read");
                self.part(self.attachment(), storage_error(None, &error));
            }
        }
    }
}
