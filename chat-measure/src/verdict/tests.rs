//! Each rule of the verdict, with figures on both sides of its threshold.

use std::time::Duration;

use super::verdict;
use crate::{
    durations::Durations,
    figures::{BeforeRepair, Figures, Stalls, Wire, WireCounts},
    report::{Condition, Link, Report, Round},
    sample,
};

#[test]
fn only_a_complete_delivery_is_called_everything() {
    let said = |delivered| of(&[("tcp", vec![figures(1000, &[(delivered, 10)])])])[0].clone();
    assert_eq!(said(1000), "At loss=2% tcp delivers everything, 1 message in 100 waits 10 ms or longer.");
    assert_eq!(
        said(999),
        "At loss=2% tcp loses 0.1 %, and of the rest 1 message in 10 waits 10 ms or longer."
    );
    assert_eq!(said(0), "At loss=2% tcp delivers nothing.");
}

#[test]
fn duplicates_and_reordering_are_mentioned_if_there_are_any() {
    let mut both = figures(1000, &[(1000, 10)]);
    (both.duplicated, both.reordered) = (5, 10);
    let wait = "1 message in 100 waits 10 ms or longer";
    let said = of(&[("a", vec![both.clone()])]);
    assert_eq!(
        said[0],
        format!("At loss=2% a delivers everything, shows 0.5 % twice and 1 % out of order, and {wait}.")
    );
    both.duplicated = 0;
    let said = of(&[("a", vec![both])]);
    assert_eq!(said[0], format!("At loss=2% a delivers everything, shows 1 % out of order, and {wait}."));
}

#[test]
fn the_tail_is_as_far_as_the_samples_reach() {
    for (samples, tail) in [
        (10_000, "1 message in 1000 waits 10 ms or longer"),
        (9_999, "1 message in 100 waits 10 ms or longer"),
        (999, "1 message in 10 waits 10 ms or longer"),
        (99, "half of the messages wait 10 ms or longer"),
        (19, "the longest wait is 10 ms"),
    ] {
        let said = of(&[("tcp", vec![figures(samples, &[(samples, 10)])])]);
        assert_eq!(said, [format!("At loss=2% tcp delivers everything, {tail}.")]);
    }
}

/// Only equal percentiles can be compared.
#[test]
fn the_tail_is_the_same_for_all() {
    let many = figures(10_000, &[(10_000, 10)]);
    let few = figures(10_000, &[(100, 10)]);
    let said = of(&[("a", vec![many.clone()]), ("b", vec![few])]);
    assert_eq!(
        said[0],
        "At loss=2% a delivers everything, 1 message in 10 waits 10 ms or longer; b loses 99 %, and of the rest 1 in 10 \
         waits 10 ms."
    );
    let hardly_any = figures(10_000, &[(5, 70)]);
    let said = of(&[("a", vec![many]), ("b", vec![hardly_any])]);
    assert!(
        said[0].contains("1 message in 1000"),
        "a contestant with very few deliveries does not limit the others: {said:?}"
    );
    assert!(said[0].ends_with("b loses 99.95 %, and of the rest the longest wait is 70 ms."), "{said:?}");
}

#[test]
fn a_much_longer_tail_is_introduced_by_but() {
    let with = |ms| {
        of(&[("a", vec![figures(1000, &[(1000, 10)])]), ("b", vec![figures(1000, &[(980, 9), (20, ms)])])])
    };
    assert!(with(21)[0].contains("b delivers everything, but 1 in 100 waits 21 ms"), "{:?}", with(21));
    assert!(with(19)[0].contains("b delivers everything, 1 in 100 waits 19 ms"), "{:?}", with(19));
}

#[test]
fn contestants_with_equal_phrases_are_named_together() {
    let all = [("a", vec![figures(1000, &[(1000, 10)])]), ("b", vec![figures(1000, &[(1000, 10)])])];
    let said = of(&all);
    assert_eq!(said[0], "At loss=2% a and b deliver everything, 1 message in 100 waits 10 ms or longer.");
}

#[test]
fn stalls_are_mentioned_if_there_are_any() {
    let with = |count, longest_us| {
        let mut one = figures(1000, &[(1000, 10)]);
        one.stalls = Some(Stalls { count, total_us: longest_us, longest_us });
        one
    };
    let said = of(&[("tcp", vec![with(41, 230_000)]), ("udp", vec![with(0, 0)])]);
    assert_eq!(said[1], "Readers waited behind a missing message: with tcp 41 times, the longest 230 ms.");
    let said = of(&[("tcp", vec![with(41, 230_000), with(21, 90_000)])]);
    assert_eq!(
        said[1],
        "Readers waited behind a missing message: with tcp 31 times a round, the longest 230 ms."
    );
    let said = of(&[("tcp", vec![with(0, 0)])]);
    assert_eq!(said.len(), 1, "there were no stalls: {said:?}");
}

#[test]
fn recovery_after_an_outage_is_mentioned() {
    let mut one = figures(1000, &[(1000, 10)]);
    one.recovery = Some([100, 200, 1900].into_iter().map(Duration::from_millis).collect());
    let said = of(&[("tcp", vec![one])]);
    assert_eq!(
        said[1],
        "After the end of an outage readers had the next message: with tcp half after 200 ms, the last after 1.9 s."
    );
}

#[test]
fn repairs_are_mentioned_if_there_are_any() {
    let repaired = |lost, duplicated, reordered| {
        let mut one = figures(1000, &[(1000, 10)]);
        one.before_repair = Some(BeforeRepair { lost, duplicated, reordered });
        of(&[("udp", vec![one])])
    };
    assert!(!repaired(0, 0, 0).iter().any(|it| it.contains("repair")));
    let said = repaired(118, 0, 12);
    let expected = "Repair made up for faults of the network: with udp 118 lost and 12 out of order.";
    assert!(said.iter().any(|it| it == expected), "{said:?}");
}

#[test]
fn joining_is_mentioned_if_it_took_noticeably_long() {
    let joined = |last| {
        let mut one = figures(1000, &[(1000, 10)]);
        one.join.took = [30, 40, last].into_iter().map(Duration::from_millis).collect();
        of(&[("tcp", vec![one])])
    };
    assert!(!joined(99).iter().any(|it| it.contains("rooms")), "{:?}", joined(99));
    let said = joined(1100);
    let expected =
        "After dialling, people had joined their rooms: with tcp half after 40 ms, the last after 1.1 s.";
    assert!(said.iter().any(|it| it == expected), "{said:?}");
}

#[test]
fn the_shortest_tail_is_named_only_if_it_is_noticeably_shorter() {
    let with = |ms| {
        let both = [
            ("tcp", vec![figures(1000, &[(900, 10), (100, ms)])]),
            ("udp", vec![figures(1000, &[(1000, 100)])]),
        ];
        of(&both).pop().unwrap()
    };
    let ahead = "Of those that deliver everything udp has the shortest tail: 1 in 100 waits";
    assert_eq!(with(210), format!("{ahead} 2.1 times as long with tcp."));
    assert_eq!(with(117), format!("{ahead} 1.2 times as long with tcp."));
    let same = "Between udp and tcp, which deliver everything, these figures show no difference in the tail.";
    assert_eq!(with(113), same);
}

/// Rounds are compared pair by pair: a round in which both contestants were slower says nothing about their difference.
#[test]
fn a_difference_that_may_be_chance_is_called_so() {
    let rounds = |ms: [u64; 3]| ms.map(|ms| figures(1000, &[(900, 1), (100, ms)])).to_vec();
    let ahead = "Of those that deliver everything udp has the shortest tail";
    let said = of(&[("tcp", rounds([20, 200, 100])), ("udp", rounds([10, 100, 50]))]);
    assert_eq!(said.last().unwrap(), &format!("{ahead}: 1 in 100 waits 2 times as long with tcp."));
    let said = of(&[("tcp", rounds([20, 200, 40])), ("udp", rounds([10, 100, 50]))]);
    assert_eq!(
        said.last().unwrap(),
        &format!(
            "{ahead}; 1 in 100 waits 2 times as long with tcp, but that may be chance, and more rounds would tell."
        )
    );
    // With a single round, the tail has too few deliveries to be certain.
    let wide = [(980, 1), (4, 10), (4, 20), (4, 30), (4, 40), (4, 50)];
    let wider = [(980, 1), (4, 13), (4, 26), (4, 39), (4, 52), (4, 65)];
    let said = of(&[("tcp", vec![figures(1000, &wider)]), ("udp", vec![figures(1000, &wide)])]);
    assert!(said.last().unwrap().contains("may be chance"), "{said:?}");
}

#[test]
fn only_a_contestant_that_delivers_everything_can_be_the_fastest() {
    let complete = || vec![figures(1000, &[(1000, 100)])];
    let said = of(&[("a", complete()), ("b", vec![figures(1000, &[(990, 1)])])]);
    assert_eq!(said[1], "Only a delivers everything in every round.");
    let said = of(&[("a", vec![figures(1000, &[(990, 1)])]), ("b", vec![figures(1000, &[(990, 1)])])]);
    assert_eq!(said[1], "None of them delivers everything in every round.");
    assert_eq!(of(&[("a", complete())]).len(), 1, "a single contestant is not compared");
}

#[test]
fn the_cost_of_repair_is_compared_with_the_raw_transport() {
    let raw = |delivered| with_bytes(figures(1000, &[(delivered, 11)]), 100 * delivered);
    let repaired = |ms, bytes| with_bytes(figures(1000, &[(850, 11), (150, ms)]), bytes);
    let cost = |raw: Figures, repaired: Figures| {
        let said = of(&[("udp-raw", vec![raw]), ("udp", vec![repaired])]);
        said.into_iter().find(|it| it.starts_with("Delivering everything"))
    };
    let begins = "Delivering everything, where udp-raw loses 2 %, costs udp";
    assert_eq!(
        cost(raw(980), repaired(22, 112_000)).unwrap(),
        format!("{begins} 12 % more bytes a delivery and a tail of 22 ms instead of 11 ms.")
    );
    assert_eq!(
        cost(raw(980), repaired(12, 250_000)).unwrap(),
        format!("{begins} 2.5 times as many bytes a delivery.")
    );
    assert_eq!(
        cost(raw(980), repaired(12, 100_100)).unwrap(),
        format!("{begins} nothing that these figures show.")
    );
    let few_late = with_bytes(figures(1000, &[(890, 11), (110, 22)]), 100_000);
    let perhaps = format!("{begins} a tail of 22 ms instead of 11 ms, which may be chance.");
    assert_eq!(cost(raw(980), few_late).unwrap(), perhaps);
    assert_eq!(cost(raw(1000), repaired(22, 112_000)), None, "there was nothing to repair");
}

#[test]
fn a_machine_that_was_too_slow_is_mentioned() {
    let mut slow = with_bytes(figures(1000, &[(1000, 10)]), 1000);
    assert_eq!(of(&[("tcp", vec![slow.clone()])]).len(), 1);
    slow.wire.as_mut().unwrap().missed = 3;
    let said = of(&[("tcp", vec![slow])]);
    assert_eq!(
        said[1],
        "The link was worse than asked for with tcp: this machine was too slow to take 3 packets in time (0.3 %)."
    );
}

#[test]
fn failed_rounds_are_mentioned_with_their_reason() {
    let mut report =
        report(&[("a", vec![figures(1000, &[(1000, 1)]); 2]), ("b", vec![figures(1000, &[(1000, 9)]); 2])]);
    report.rounds[0].outcome = Err("nobody\nanswered".into());
    let said = verdict(&report, 0);
    assert!(said[0].contains("a delivers everything in 1 of 2 rounds, 1 message"), "{said:?}");
    assert_eq!(said[1], "Only b delivers everything in every round.");
    assert_eq!(said[2], "1 of 2 rounds of a failed: nobody answered.");
    report.rounds[1].outcome = Err("nobody\nanswered".into());
    let said = verdict(&report, 0);
    assert!(said[0].starts_with("At loss=2% a failed; b delivers everything"), "{said:?}");
    assert_eq!(said[1..], ["2 of 2 rounds of a failed: nobody answered."]);
}

#[test]
fn missing_rounds_are_mentioned() {
    let mut report =
        report(&[("a", vec![figures(1000, &[(1000, 1)]); 2]), ("b", vec![figures(1000, &[(1000, 9)]); 2])]);
    report.interrupted = true;
    assert!(!verdict(&report, 0).iter().any(|it| it.contains("interrupted")), "here all was measured");
    report.rounds.truncate(1);
    let said = verdict(&report, 0);
    assert_eq!(
        said[1],
        "The comparison was interrupted: a was measured 1 of 2 times and b was not measured."
    );
    report.rounds.clear();
    assert_eq!(verdict(&report, 0), ["The comparison was interrupted: no round was measured here."]);
}

#[test]
fn the_verdict_names_the_condition() {
    let mut report = report(&[("a", vec![figures(1000, &[(1000, 1)])])]);
    let mut begins = |link, up: &str, down: &str| {
        report.link = link;
        report.conditions = vec![Condition { up: up.into(), down: down.into() }];
        verdict(&report, 0)[0].split(" a delivers").next().unwrap().to_owned()
    };
    assert_eq!(begins(Link::Emulated, "loss=1%", ""), "At up loss=1%, down nothing impaired");
    assert_eq!(begins(Link::Emulated, "", ""), "On a link that impairs nothing");
    assert_eq!(begins(Link::Loopback, "", ""), "Over loopback");
    assert_eq!(begins(Link::Server, "", ""), "Over the network");
}

#[test]
fn a_conversation_without_messages_loses_nothing() {
    let said = of(&[("a", vec![Figures::default()]), ("b", vec![Figures::default()])]);
    assert_eq!(said, ["At loss=2% a and b had nothing to deliver."]);
}

/// The verdict on these contestants, each with its rounds, at loss=2%. A name that ends in `-raw` is the same transport
/// without repair.
fn of(contestants: &[(&str, Vec<Figures>)]) -> Vec<String> {
    verdict(&report(contestants), 0)
}

fn report(contestants: &[(&str, Vec<Figures>)]) -> Report {
    let mut report = sample::empty();
    report.conditions = vec![Condition { up: "loss=2%".into(), down: "loss=2%".into() }];
    report.repetitions = contestants[0].1.len();
    for (contestant, (name, rounds)) in contestants.iter().enumerate() {
        let scheme = name.trim_end_matches("-raw");
        report.contestants.push(sample::contestant(name, scheme, scheme != *name, false, &[]));
        for (repetition, figures) in rounds.iter().enumerate() {
            let outcome = Ok(figures.clone());
            report.rounds.push(Round { condition: 0, contestant, repetition, seed: 1, outcome });
        }
    }
    report
}

/// Figures with `expected` deliveries, of which some came: pairs of their count and their latency in milliseconds.
fn figures(expected: u64, latencies: &[(u64, u64)]) -> Figures {
    let latency: Durations =
        latencies.iter().flat_map(|(many, ms)| (0..*many).map(|_| Duration::from_millis(*ms))).collect();
    let delivered = latency.count();
    Figures { latency, expected, delivered, lost: expected - delivered, ..Figures::default() }
}

fn with_bytes(mut figures: Figures, bytes: u64) -> Figures {
    let down = WireCounts { packets: 997, bytes, ..WireCounts::default() };
    figures.wire = Some(Wire { down, ..Wire::default() });
    figures
}
