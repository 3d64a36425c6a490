//! Which submissions wait, and in which order the broker gets them.

use futures::FutureExt;

use super::*;
use crate::{
    RoomName,
    log::{RoomState, StateMap},
};

const NOISY: HostId = HostId(1);
const QUIET: HostId = HostId(2);

fn submission(host: HostId, id: u64, bytes: usize) -> Submission {
    let name = RoomName::parse("lobby").unwrap();
    let state =
        RoomState { room: name, epoch: "x".to_owned(), oldest: 1, head: 0, state: StateMap::default() };
    Submission {
        mailbox: Arc::default(),
        host,
        client: ClientId(1),
        author: Arc::new(Author::person("ana")),
        id,
        room: Arc::new(Room::unmade(state, 1, None, Arc::default())),
        body: Arc::new(Body::message("x".repeat(bytes))),
    }
}

/// The host and the number of each submission of the next batch.
fn batch(queue: &Queue) -> Vec<(HostId, u64)> {
    let take = queue.take();
    futures::pin_mut!(take);
    assert!(take.as_mut().now_or_never().is_none(), "the sessions that can run have their turn first");
    let batch = take.now_or_never().expect("something waits");
    batch.submissions.iter().map(|submission| (submission.host, submission.id)).collect()
}

/// protocol 11.6, 11.20
#[test]
fn a_host_that_fills_its_part_of_the_queue_keeps_nobody_out() {
    for (bytes, fit) in [(2, MAX_QUEUED_PER_HOST), (8192, MAX_QUEUED_BYTES_PER_HOST / 8192)] {
        let queue = Queue::default();
        let accepted = (0..).take_while(|id| queue.push(submission(NOISY, *id, bytes)).is_ok()).count();
        assert_eq!(accepted, fit, "of {bytes} bytes each");
        queue.push(submission(QUIET, 7, bytes)).expect("another host has its own part");
        assert_eq!(batch(&queue)[..2], [(NOISY, 0), (QUIET, 7)], "and its turn");
    }
}

/// protocol 5.8, 11.20
#[test]
fn hosts_take_turns_and_each_keeps_its_order() {
    let queue = Queue::default();
    let hosts = [HostId(1), HostId(2), HostId(3), HostId(4)];
    for host in hosts {
        for id in 0..500 {
            queue.push(submission(host, id, 2)).unwrap();
        }
    }
    let first = batch(&queue);
    assert_eq!(first.len(), BATCH, "what others fill is one batch");
    let rest = batch(&queue);
    let all: Vec<_> = first.into_iter().chain(rest).collect();
    let expected: Vec<_> = (0..500).flat_map(|id| hosts.map(|host| (host, id))).collect();
    assert!(all == expected, "one of each in turn, in its order");
    queue.close();
    let mut end = queue.take().boxed();
    assert!((&mut end).now_or_never().is_none());
    assert!(end.now_or_never().is_some_and(|batch| batch.is_empty()), "nothing is left");
}

/// protocol 11.6
#[test]
fn hosts_that_are_exempt_fill_the_queue_and_are_taken_at_once() {
    let queue = Queue::default();
    let accepted = (0..).take_while(|id| queue.push(submission(HostId::EXEMPT, *id, 2)).is_ok()).count();
    assert_eq!(accepted, MAX_QUEUED);
    assert!(queue.push(submission(QUIET, 1, 2)).is_err(), "that is all there is");
    assert_eq!(batch(&queue).len(), MAX_QUEUED);
}
