//! Figures of samples that were made by hand.

use super::*;
use crate::scenario::{Conversation, SCENARIOS};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn delivery(number: u32, seq: u64, at: u64) -> Delivery {
    Delivery { number, seq, bytes: 100, at: ms(at) }
}

/// The figures of two clients, of which one sends four messages and the other receives `deliveries`.
fn of(deliveries: &[Delivery], outages: &[Range<Duration>]) -> Figures {
    let conversation = Conversation { people: 2, speakers: 2, ..SCENARIOS[0].conversation.clone() };
    let said = (0..4).map(|it| (it, ms(u64::from(it) * 100))).collect();
    let ana = Samples { said, joined_after: ms(30), ..Samples::default() };
    let bob = Samples {
        deliveries: deliveries.to_vec(),
        joined_after: ms(50),
        lost_links: 2,
        ..Samples::default()
    };
    figures(&Plan::new(conversation, 1), &[ana, bob], outages, false)
}

#[test]
fn each_delivery_counts_once_and_duplicates_and_reordering_are_counted() {
    let figures =
        of(&[delivery(0, 1, 20), delivery(2, 3, 230), delivery(1, 2, 240), delivery(2, 3, 250)], &[]);
    assert_eq!((figures.said, figures.expected, figures.delivered, figures.lost), (4, 4, 3, 1));
    assert_eq!((figures.duplicated, figures.reordered), (1, 1));
    assert_eq!(figures.latency.quantile(1.0).unwrap() / 1000, 140);
    assert_eq!((figures.lasted_us, figures.join.redialled), (240_000, 2));
    assert!(figures.join.took.max().unwrap() / 1000 == 50 && figures.recovery.is_none());
    let moments: Vec<_> = figures.over_time.iter().map(|it| (it.at_ms, it.delivered, it.max_us)).collect();
    assert_eq!(
        moments,
        [(0, 1, 20_000), (90, 1, 140_000), (180, 1, 30_000)],
        "every 30 ms, by when it was due"
    );
}

#[test]
fn recovery_is_from_the_end_of_an_outage_to_the_next_message() {
    let outages = [ms(100)..ms(200), ms(220)..ms(500), ms(900)..ms(1000)];
    let figures =
        of(&[delivery(0, 1, 20), delivery(1, 2, 210), delivery(2, 3, 540), delivery(3, 4, 590)], &outages);
    let recovery = figures.recovery.unwrap();
    assert_eq!(recovery.count(), 2, "no message came after the last outage");
    let all: Vec<u64> = recovery.distribution().map(|(it, _)| it / 1000).collect();
    assert_eq!(all, [10, 40]);
}

#[test]
fn a_conversation_without_messages_loses_nothing() {
    let plan = Plan::new(SCENARIOS[0].conversation.clone(), 1);
    let figures = figures(&plan, &[Samples::default(), Samples::default()], &[], true);
    assert_eq!((figures.expected, figures.share_delivered(), figures.goodput), (0, 1.0, 0.0));
    assert_eq!(figures.packets_per_delivery(), None);
    assert!(figures.before_repair.is_some() && figures.retransmissions == Some(0));
}

#[test]
fn a_stall_before_the_conversation_is_not_its_longest() {
    let stats = |stalls, stalled, longest| {
        let mut stats = chat_core::client::Stats::default();
        (stats.stalls, stats.stalled, stats.longest_stall) = (stalls, ms(stalled), ms(longest));
        stats
    };
    let plan = Plan::new(SCENARIOS[0].conversation.clone(), 1);
    let of = |before, after| {
        let samples = Samples { before, after, ..Samples::default() };
        let Stalls { count, total_us, longest_us } =
            figures(&plan, &[samples, Samples::default()], &[], true).stalls.unwrap();
        (count, total_us / 1000, longest_us / 1000)
    };
    assert_eq!(of(stats(1, 700, 700), stats(1, 700, 700)), (0, 0, 0));
    assert_eq!(of(stats(1, 700, 700), stats(3, 760, 700)), (2, 60, 60), "an upper bound");
    assert_eq!(of(stats(1, 20, 20), stats(3, 110, 70)), (2, 90, 70));
}
