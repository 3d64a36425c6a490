//! One direction of one TCP connection: the data that was sent, and the data that the receiving kernel holds back.

use std::time::Duration;

use super::segment::Segment;
use crate::counts::TcpCounts;

/// One direction of one TCP connection. Sequence numbers wrap around: a number is behind another if the distance is less
/// than half of all numbers.
#[derive(Debug)]
pub(super) struct Stream {
    /// The first number.
    first: u32,
    /// Everything before this number was sent.
    sent: u32,
    /// Everything before this number arrived, and can be read.
    next: u32,
    /// The ranges that arrived beyond `next`, in order: first number, and the number behind the last. They do not touch.
    held: Vec<(u32, u32)>,
    /// Since when a range is held.
    since: Option<Duration>,
}

impl Stream {
    /// A stream of which this segment is the first one that was seen.
    pub fn new(segment: &Segment) -> Self {
        let first = segment.number;
        Self { first, sent: first, next: first, held: Vec::new(), since: None }
    }

    /// Whether this is the SYN of another connection between the same ports.
    pub fn is_replaced_by(&self, segment: &Segment) -> bool {
        segment.syn && segment.number != self.first
    }

    pub fn sent(&mut self, segment: &Segment, counts: &mut TcpCounts) {
        let end = segment.number.wrapping_add(segment.length());
        if segment.payload > 0 {
            counts.segments += 1;
            let data = segment.number.wrapping_add(segment.syn.into());
            // FIN takes a number and is no byte, but no data follows it.
            let again = ahead(self.sent, data).min(segment.payload as i32);
            if again > 0 {
                counts.retransmitted += 1;
                counts.retransmitted_bytes += again as u64;
            }
        }
        if ahead(end, self.sent) > 0 {
            self.sent = end;
        }
    }

    pub fn arrived(&mut self, now: Duration, segment: &Segment, counts: &mut TcpCounts) {
        let (start, end) = (segment.number, segment.number.wrapping_add(segment.length()));
        // A segment that was not sent in this connection is a late one of an earlier connection.
        if ahead(end, self.sent) > 0 || ahead(end, self.next) <= 0 {
            return;
        }
        if ahead(start, self.next) > 0 {
            self.hold(start, end);
            self.since.get_or_insert(now);
            return;
        }
        self.next = end;
        let readable = self.held.iter().take_while(|it| ahead(it.0, self.next) <= 0).count();
        if let Some((_, end)) = self.held.drain(..readable).next_back()
            && ahead(end, self.next) > 0
        {
            self.next = end;
        }
        if self.held.is_empty()
            && let Some(since) = self.since.take()
        {
            counts.stalls.note(now.saturating_sub(since));
        }
    }

    fn hold(&mut self, mut start: u32, mut end: u32) {
        let before = self.held.iter().take_while(|it| ahead(start, it.1) > 0).count();
        let touching = self.held[before..].iter().take_while(|it| ahead(it.0, end) <= 0).count();
        for (other_start, other_end) in self.held.drain(before..before + touching) {
            start = if ahead(start, other_start) > 0 { other_start } else { start };
            end = if ahead(other_end, end) > 0 { other_end } else { end };
        }
        self.held.insert(before, (start, end));
        if self.held.len() > MOST_HELD {
            // The last gap is taken for filled. If the range behind it were forgotten instead, the stall would never end.
            let (_, end) = self.held.pop().expect("there are more than one");
            self.held.last_mut().expect("there are more than one").1 = end;
        }
    }
}

/// How far `a` is ahead of `b`; negative if it is behind.
fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// How many ranges of one stream are held.
const MOST_HELD: usize = 64;
