//! Observes TCP connections from outside: retransmissions, and how long data that arrived waits for earlier data. There is
//! no I/O or clock here.

mod segment;
mod stream;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, time::Duration};

use segment::Flow;
pub(crate) use segment::Segment;
use stream::Stream;

use crate::{counts::TcpCounts, direction::Direction};

/// The TCP connections that cross a link. A connection that has ended is kept, because its segments may still be sent
/// again, until its ports are reused or its place is needed.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    flows: HashMap<Flow, Connection>,
    /// The number of segments that were sent.
    sent: u64,
}

#[derive(Debug, Default)]
struct Connection {
    up: Option<Stream>,
    down: Option<Stream>,
    /// The number of the last segment that was sent in this connection.
    last: u64,
}

impl Connection {
    fn stream(&mut self, direction: Direction) -> &mut Option<Stream> {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

impl Flows {
    /// Notes that a segment was sent, whatever its fate.
    pub fn sent(&mut self, segment: &Segment, counts: &mut TcpCounts) {
        if segment.length() == 0 {
            return;
        }
        if self.flows.len() >= MOST_FLOWS && !self.flows.contains_key(&segment.flow) {
            self.make_room();
        }
        self.sent += 1;
        let connection = self.flows.entry(segment.flow).or_default();
        connection.last = self.sent;
        let stream = connection.stream(segment.direction);
        if stream.as_ref().is_some_and(|it| it.is_replaced_by(segment)) {
            *stream = None;
        }
        stream.get_or_insert_with(|| Stream::new(segment)).sent(segment, counts);
    }

    /// Notes that a segment arrived undamaged, at a time that never decreases.
    pub fn arrived(&mut self, now: Duration, segment: &Segment, counts: &mut TcpCounts) {
        if segment.length() == 0 {
            return;
        }
        let connection = self.flows.get_mut(&segment.flow);
        if let Some(stream) = connection.and_then(|it| it.stream(segment.direction).as_mut()) {
            stream.arrived(now, segment, counts);
        }
    }

    /// Forgets the quarter of the connections that was silent longest. Many are forgotten at once, so that this is rarely
    /// necessary.
    fn make_room(&mut self) {
        let mut ages: Vec<u64> = self.flows.values().map(|it| it.last).collect();
        let (_, oldest, _) = ages.select_nth_unstable(MOST_FLOWS / 4);
        self.flows.retain(|_, it| it.last > *oldest);
    }
}

/// How many connections are followed at a time.
const MOST_FLOWS: usize = 4096;
