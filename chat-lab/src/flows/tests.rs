//! Connections that are observed, with hand-made packets, and compared with a model that has a list of single bytes.

use std::time::Duration;

use proptest::prelude::*;

use super::{Flows, MOST_FLOWS, Segment};
use crate::{
    Direction, Stalls, TcpCounts,
    packet::{
        self, CLIENT, CLIENT_SEEN, CLIENT_SEEN_V6, CLIENT_V6, SERVER, SERVER_SEEN, SERVER_SEEN_V6, SERVER_V6,
    },
};

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// Ports of client and server.
type Ports = (u16, u16);

fn tcp(
    v6: bool,
    direction: Direction,
    (client, server): Ports,
    number: u32,
    flags: u8,
    payload: usize,
) -> Vec<u8> {
    let up = direction == Direction::Up;
    let length = 20 + 12 + payload;
    let mut packet = Vec::new();
    if v6 {
        packet.extend([0x60, 0, 0, 0]);
        packet.extend((length as u16).to_be_bytes());
        packet.extend([6, 64]);
        let [from, to] = if up { [CLIENT_V6, SERVER_SEEN_V6] } else { [SERVER_V6, CLIENT_SEEN_V6] };
        packet.extend(from.octets());
        packet.extend(to.octets());
    } else {
        packet.extend([0x45, 0]);
        packet.extend((20 + length as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        let [from, to] = if up { [CLIENT, SERVER_SEEN] } else { [SERVER, CLIENT_SEEN] };
        packet.extend(from.octets());
        packet.extend(to.octets());
    }
    let (from, to) = if up { (client, server) } else { (server, client) };
    packet.extend(from.to_be_bytes());
    packet.extend(to.to_be_bytes());
    packet.extend(number.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x80, flags]);
    // Window, checksum, urgent pointer, and 12 bytes of options.
    packet.resize(packet.len() + 6 + 12 + payload, 0);
    packet
}

fn segment(packet: &[u8]) -> Option<Segment> {
    Segment::of(packet, packet::shape(packet)?)
}

/// One direction of a connection, and what is counted of it.
struct Talk {
    flows: Flows,
    counts: TcpCounts,
    v6: bool,
    direction: Direction,
    ports: Ports,
    /// What SYN has.
    first: u32,
    now: Duration,
}

impl Talk {
    fn begin(v6: bool, direction: Direction, first: u32) -> Self {
        let (flows, counts, now) = (Flows::default(), TcpCounts::default(), Duration::ZERO);
        let mut talk = Self { flows, counts, v6, direction, ports: (40000, 7000), first, now };
        talk.pass(SYN, 0, 0);
        talk.first = first.wrapping_add(1);
        talk
    }

    fn segment(&self, flags: u8, at: u32, payload: usize) -> Segment {
        let number = self.first.wrapping_add(at);
        segment(&tcp(self.v6, self.direction, self.ports, number, flags, payload)).expect("it is one")
    }

    /// Bytes from `at` on, counted from the first one.
    fn send(&mut self, flags: u8, at: u32, payload: usize) {
        let segment = self.segment(flags, at, payload);
        self.flows.sent(&segment, &mut self.counts);
    }

    /// A millisecond later.
    fn arrive(&mut self, flags: u8, at: u32, payload: usize) {
        self.now += Duration::from_millis(1);
        let segment = self.segment(flags, at, payload);
        self.flows.arrived(self.now, &segment, &mut self.counts);
    }

    fn pass(&mut self, flags: u8, at: u32, payload: usize) {
        self.send(flags, at, payload);
        self.arrive(flags, at, payload);
    }

    fn sent_again(&self) -> (u64, u64, u64) {
        (self.counts.segments, self.counts.retransmitted, self.counts.retransmitted_bytes)
    }

    /// How many, and how many milliseconds all and the longest took.
    fn stalls(&self) -> (u64, u128, u128) {
        let Stalls { count, total, longest } = self.counts.stalls;
        (count, total.as_millis(), longest.as_millis())
    }
}

/// In either direction, over either IP, and where the numbers wrap around in the middle.
fn everywhere(check: impl Fn(Talk)) {
    for v6 in [false, true] {
        for direction in [Direction::Up, Direction::Down] {
            for first in [1, u32::MAX - 250, i32::MAX as u32 - 250, u32::MAX] {
                check(Talk::begin(v6, direction, first));
            }
        }
    }
}

#[test]
fn what_is_lost_is_sent_again_and_the_rest_waits_for_it() {
    everywhere(|mut talk| {
        talk.pass(ACK, 0, 100);
        talk.send(ACK, 100, 100);
        for at in [200, 300, 400] {
            talk.pass(ACK, at, 100);
        }
        assert_eq!(talk.stalls(), (0, 0, 0), "it has not ended");
        talk.pass(ACK, 100, 100);
        assert_eq!(talk.stalls(), (1, 3, 3));
        talk.pass(ACK | FIN, 500, 100);
        assert_eq!(talk.sent_again(), (7, 1, 100));
        assert_eq!(talk.stalls(), (1, 3, 3));
    });
}

#[test]
fn a_stall_ends_when_all_holes_are_filled() {
    everywhere(|mut talk| {
        for at in [0, 200, 400] {
            talk.pass(ACK, at, 100);
        }
        talk.pass(ACK, 100, 100);
        assert_eq!(talk.stalls().0, 0);
        talk.pass(ACK, 300, 100);
        assert_eq!(talk.stalls(), (1, 3, 3), "what came second to what came fifth");
        // The second one is shorter.
        talk.send(ACK, 500, 100);
        talk.pass(ACK, 600, 100);
        talk.pass(ACK, 500, 100);
        assert_eq!(talk.stalls(), (2, 4, 3));
    });
}

#[test]
fn overtaking_is_a_stall_and_nothing_is_sent_again() {
    everywhere(|mut talk| {
        for at in [0, 100, 200] {
            talk.send(ACK, at, 100);
        }
        for at in [100, 0, 200] {
            talk.arrive(ACK, at, 100);
        }
        assert_eq!(talk.sent_again(), (3, 0, 0));
        assert_eq!(talk.stalls(), (1, 1, 1));
    });
}

#[test]
fn what_comes_twice_changes_nothing() {
    everywhere(|mut talk| {
        talk.pass(ACK, 0, 100);
        talk.arrive(ACK, 0, 100);
        talk.send(ACK, 100, 100);
        talk.pass(ACK, 200, 100);
        talk.arrive(ACK, 200, 100);
        talk.arrive(ACK, 0, 100);
        talk.arrive(ACK, 100, 100);
        talk.arrive(ACK, 200, 100);
        assert_eq!(talk.sent_again(), (3, 0, 0));
        assert_eq!(talk.stalls(), (1, 3, 3));
    });
}

#[test]
fn of_segments_that_overlap_each_byte_counts_once() {
    everywhere(|mut talk| {
        talk.pass(ACK, 0, 100);
        // Half of it is new.
        talk.send(ACK, 50, 100);
        assert_eq!(talk.sent_again(), (2, 1, 50));
        talk.pass(ACK, 250, 100);
        talk.pass(ACK, 200, 100);
        talk.pass(ACK, 300, 150);
        assert_eq!(talk.stalls().0, 0, "150 to 200 is missing, and 100 to 150 did not arrive");
        talk.pass(ACK, 60, 150);
        assert_eq!(talk.stalls(), (1, 3, 3));
        talk.pass(ACK, 450, 10);
        assert_eq!(talk.stalls().0, 1, "450 was the next");
        talk.send(ACK, 460, 100);
        talk.pass(ACK, 500, 60);
        talk.pass(ACK, 460, 200);
        talk.pass(ACK, 660, 10);
        assert_eq!(talk.stalls(), (2, 4, 3), "660 was the next");
    });
}

#[test]
fn acknowledgements_and_keep_alives_are_nothing() {
    everywhere(|mut talk| {
        talk.pass(ACK, 0, 100);
        talk.pass(ACK, 100, 0);
        talk.pass(ACK, 100, 0);
        talk.pass(ACK, 99, 0);
        talk.pass(ACK, 700, 0);
        talk.pass(ACK | FIN, 100, 0);
        talk.pass(ACK | FIN, 100, 0);
        assert_eq!((talk.sent_again(), talk.stalls()), ((1, 0, 0), (0, 0, 0)));
    });
}

#[test]
fn ports_that_are_used_anew_have_another_connection() {
    everywhere(|mut talk| {
        talk.pass(ACK, 0, 1000);
        talk.send(ACK, 1000, 100);
        talk.pass(ACK, 1100, 100);
        talk.first = talk.first.wrapping_sub(5000);
        talk.pass(SYN, u32::MAX, 0);
        // The same SYN once more is no other one.
        talk.pass(ACK, 0, 100);
        talk.pass(SYN, u32::MAX, 0);
        talk.pass(ACK, 0, 100);
        assert_eq!(talk.sent_again(), (5, 1, 100));
        assert_eq!(talk.stalls().0, 0, "what waited will never be read");
        // Something late of the first one.
        talk.arrive(ACK, 6100, 100);
        talk.pass(ACK, 100, 100);
        talk.arrive(ACK, 200, 6000);
        talk.pass(ACK, 200, 100);
        assert_eq!(talk.stalls().0, 0);
    });
}

#[test]
fn connections_are_followed_each_on_its_own() {
    let mut talk = Talk::begin(false, Direction::Up, 1);
    talk.send(ACK, 0, 100);
    talk.pass(ACK, 100, 100);
    talk.ports.0 += 1;
    talk.pass(ACK, 0, 100);
    talk.direction = Direction::Down;
    talk.pass(ACK, 0, 100);
    talk.v6 = true;
    talk.pass(ACK, 0, 100);
    assert_eq!((talk.sent_again(), talk.stalls().0), ((5, 0, 0), 0));
}

#[test]
fn more_holes_than_are_told_apart_end_too() {
    everywhere(|mut talk| {
        for at in (100..100_000).step_by(200) {
            talk.pass(ACK, at, 100);
        }
        for at in (0..100_000).step_by(200) {
            talk.pass(ACK, at, 100);
        }
        assert_eq!(talk.stalls().0, 1);
        talk.send(ACK, 100_000, 100);
        talk.pass(ACK, 100_100, 100);
        talk.pass(ACK, 100_000, 100);
        assert_eq!(talk.stalls().0, 2, "nothing was missing before");
    });
}

#[test]
fn those_that_are_silent_longest_are_forgotten() {
    let mut talk = Talk::begin(false, Direction::Up, 1);
    for port in 0..60_000 {
        talk.ports = (port, 7000);
        talk.pass(ACK, 0, 100);
        assert!(talk.flows.flows.len() <= MOST_FLOWS);
        // One that is not silent.
        talk.ports = (0, 7000);
        talk.pass(ACK, 100 + 100 * u32::from(port), 100);
    }
    assert_eq!(talk.sent_again(), (120_000, 0, 0));
    talk.pass(ACK, 100, 100);
    assert_eq!(talk.sent_again(), (120_001, 1, 100), "it was never forgotten");
}

/// Padding is no data, and what is cut short is nothing.
#[test]
fn headers_say_where_a_segment_ends() {
    for v6 in [false, true] {
        let whole = tcp(v6, Direction::Up, (1, 2), 3, ACK, 10);
        let padded = [whole.clone(), vec![0; 20]].concat();
        assert_eq!(segment(&padded).map(|it| it.payload), Some(10));
        assert_eq!(segment(&padded), segment(&whole));
        for length in 0..whole.len() {
            assert_eq!(segment(&whole[..length]), None);
        }
        let header = if v6 { 40 } else { 20 };
        for length in 0..=255 {
            let mut wrong = whole.clone();
            wrong[header + 12] = length;
            let _ = segment(&wrong).map(|it| assert!(it.payload <= 42));
        }
    }
    let mut fragment = tcp(false, Direction::Up, (1, 2), 3, ACK, 10);
    fragment[6] = 0x20;
    assert_eq!(segment(&fragment), None);
}

/// Whatever comes in whatever order, it is as a list of single bytes has it.
#[derive(Default)]
struct Model {
    arrived: Vec<bool>,
    since: Option<u128>,
    stalls: (u64, u128, u128),
}

impl Model {
    fn arrive(&mut self, now: u128, at: usize, length: usize) {
        self.arrived[at..at + length].fill(true);
        let next = self.arrived.iter().take_while(|it| **it).count();
        if self.arrived[next..].contains(&true) {
            self.since.get_or_insert(now);
        } else if let Some(since) = self.since.take() {
            let (count, total, longest) = self.stalls;
            let took = now - since;
            self.stalls = (count + 1, total + took, longest.max(took));
        }
    }
}

proptest! {
    #[test]
    fn stalls_are_those_of_single_bytes(
        first in prop_oneof![any::<u32>(), u32::MAX - 64..=u32::MAX],
        segments in prop::collection::vec((0..56_usize, 1..=8_usize), 1..80),
    ) {
        let mut talk = Talk::begin(false, Direction::Down, first);
        talk.send(ACK, 0, 64);
        let mut model = Model { arrived: vec![false; 64], ..Model::default() };
        for (at, length) in segments {
            talk.arrive(ACK, at as u32, length);
            model.arrive(talk.now.as_millis(), at, length);
            prop_assert_eq!(talk.stalls(), model.stalls);
        }
    }

    #[test]
    fn what_is_sent_again_is_what_was_sent_before(
        first in prop_oneof![any::<u32>(), u32::MAX - 64..=u32::MAX],
        segments in prop::collection::vec((0..56_u32, 1..=8_u32), 1..80),
    ) {
        let mut talk = Talk::begin(true, Direction::Up, first);
        let (mut sent, mut again) = (0, (0, 0, 0));
        for (back, length) in segments {
            // A sender leaves nothing out.
            let at = sent - back.min(sent);
            let old = back.min(sent).min(length);
            again = (again.0 + 1, again.1 + u64::from(old > 0), again.2 + u64::from(old));
            talk.send(ACK, at, length as usize);
            sent = sent.max(at + length);
            prop_assert_eq!(talk.sent_again(), again);
        }
    }
}
