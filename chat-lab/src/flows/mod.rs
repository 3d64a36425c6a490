//! What TCP does about a link, seen from outside: what it sends again, and how long what arrives has to wait for what is
//! missing before it. Without I/O or clock.

mod segment;
mod stream;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, time::Duration};

use segment::Flow;
pub(crate) use segment::Segment;
use stream::Stream;

use crate::{Direction, TcpCounts};

/// The TCP connections that cross a link. One that has ended stays for what comes of it again, until its ports are used
/// anew or its place is needed.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    flows: HashMap<Flow, Connection>,
    /// How many segments were sent.
    sent: u64,
}

#[derive(Debug, Default)]
struct Connection {
    up: Option<Stream>,
    down: Option<Stream>,
    /// The last segment that was sent of it, by the number of all segments.
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
    /// Takes note that a segment was sent, whatever becomes of it.
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

    /// Takes note that a segment arrived unharmed, at a time that never goes back.
    pub fn arrived(&mut self, now: Duration, segment: &Segment, counts: &mut TcpCounts) {
        if segment.length() == 0 {
            return;
        }
        let connection = self.flows.get_mut(&segment.flow);
        if let Some(stream) = connection.and_then(|it| it.stream(segment.direction).as_mut()) {
            stream.arrived(now, segment, counts);
        }
    }

    /// Lets go of the quarter that was silent longest: of many at once, so that it is not done for each new one.
    fn make_room(&mut self) {
        let mut ages: Vec<u64> = self.flows.values().map(|it| it.last).collect();
        let (_, oldest, _) = ages.select_nth_unstable(MOST_FLOWS / 4);
        self.flows.retain(|_, it| it.last > *oldest);
    }
}

/// Connections that are followed at a time.
const MOST_FLOWS: usize = 4096;
