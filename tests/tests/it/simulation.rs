//! Whole worlds from seeds, and whether whoever checks them would notice anything.

use std::{collections::BTreeMap, thread};

use chat_tests::simulation::{Plan, Report, Rule, Sabotage, digest, run, run_many};

/// A sample of the seeds: `cargo run --release -p chat-tests --bin simulate -- --seeds 100000` runs as many as it is asked for.
#[test]
fn whatever_happens_no_rule_is_broken() {
    let mut failed = Vec::new();
    let summary = run_many(
        0..SEEDS,
        threads(),
        Plan::of,
        |_| {},
        |seed, report: Result<Report, String>| {
            let why = report.map(|it| it.violations[0].in_context(&it.history).to_string());
            let again = format!("cargo run --release -p chat-tests --bin simulate -- --seed {seed} --trace");
            failed.push(format!("{again}\n{}", why.unwrap_or_else(|panic| panic)));
            failed.len() == 3
        },
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(summary.seeds, SEEDS);
    // Much has to happen, or little was shown.
    assert!(summary.stored > 100 * SEEDS && summary.shown > 500 * SEEDS, "{summary:?}");
    assert!(
        summary.restarts > SEEDS / 4 && summary.kills > SEEDS && summary.traffic.cuts > SEEDS,
        "{summary:?}"
    );
    assert!(summary.traffic.lost > summary.traffic.sent / 20, "{summary:?}");
}

#[test]
fn the_same_seed_is_the_same_history_to_the_byte() {
    let history = |seed| digest(&run(seed, Plan { frames: true, ..Plan::of(seed) }).history);
    for seed in 0..20 {
        assert_eq!(history(seed), history(seed), "seed {seed}");
    }
    assert_ne!(history(0), history(1));
}

/// Breaks one thing in twenty worlds; says how often which rule is found broken.
fn found(sabotage: Sabotage) -> BTreeMap<Rule, usize> {
    let mut rules = BTreeMap::new();
    let count = |_, report: Result<Report, String>| {
        let report = report.unwrap_or_else(|panic| panic!("{panic}"));
        let mut broken: Vec<Rule> = report.violations.iter().map(|it| it.rule).collect();
        broken.sort_unstable();
        broken.dedup();
        broken.into_iter().for_each(|rule| *rules.entry(rule).or_default() += 1);
        false
    };
    run_many(0..20, threads(), |seed| sabotage.plan(seed), |_| {}, count);
    rules
}

#[track_caller]
fn finds(sabotage: Sabotage, rule: Rule, at_least: usize) {
    let found = found(sabotage);
    let times = found.get(&rule).copied().unwrap_or(0);
    assert!(times >= at_least, "{sabotage:?} breaks {rule:?} in {times} of 20 worlds; found was {found:?}");
}

#[test]
fn a_log_that_forgets_requests_is_found() {
    finds(Sabotage::ForgetsRequests, Rule::StoredOnce, 15);
}

#[test]
fn a_log_that_acknowledges_too_early_is_found() {
    finds(Sabotage::AcknowledgesEarly, Rule::AckedIsStored, 15);
}

#[test]
fn a_log_that_swaps_neighbours_is_found() {
    finds(Sabotage::SwapsNeighbours, Rule::AckedIsStored, 15);
    // Everybody reads what the log says, so all see the same wrong order.
    finds(Sabotage::SwapsNeighbours, Rule::SenderOrder, 15);
}

#[test]
fn a_lost_last_message_that_nobody_hears_of_is_found() {
    finds(Sabotage::NoHeads, Rule::ShownInOrder, 15);
}

#[test]
fn holes_that_nobody_fills_are_found() {
    finds(Sabotage::NoReplay, Rule::ShownInOrder, 15);
}

#[test]
fn a_text_that_somebody_changed_is_found() {
    finds(Sabotage::ChangesText, Rule::SameForAll, 15);
}

#[test]
fn a_second_answer_is_found() {
    finds(Sabotage::AnswersTwice, Rule::AnsweredOnce, 15);
}

fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

const SEEDS: u64 = 200;
