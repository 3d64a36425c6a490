//! The table fits its terminal and leaves out the least important columns.

use super::*;
use crate::sample;

#[test]
fn no_line_is_longer_than_the_terminal_is_wide() {
    let mut report = sample::report(3);
    report.settings.push(crate::report::Setting { name: "build".into(), value: "0123456789".repeat(30) });
    for width in [0, 40, 57, 80, 100, 120, 200] {
        let table = table(&report, width);
        for line in table.lines() {
            assert!(length(line) <= width.max(NARROWEST), "{width}: {line:?} has {}", length(line));
            assert_eq!(line, line.trim_end(), "nothing stands at the end that cannot be seen");
        }
        for needed in ["delivered", "p50", "p99", "udp-raw", "Linux 6.12.0", "cubic"] {
            assert!(table.contains(needed), "{width}: no {needed} in\n{table}");
        }
    }
}

#[test]
fn the_least_important_columns_go_first() {
    let report = sample::report(3);
    let (wide, usual, narrow) = (table(&report, 240), table(&report, 120), table(&report, 60));
    for (what, there) in [
        ("clients", [true, false, false]),
        ("recovery", [true, false, false]),
        ("/delivery", [true, false, false]),
        ("goodput", [true, true, false]),
        ("p99.9", [true, true, false]),
        ("p99", [true, true, true]),
    ] {
        let is = [&wide, &usual, &narrow]
            .map(|it| it.lines().any(|it| it.split_whitespace().any(|it| it == what)));
        assert_eq!(is, there, "{what}:\n{wide}\n{usual}\n{narrow}");
    }
}

#[test]
fn confidence_intervals_need_two_rounds() {
    let mut report = sample::report(3);
    let first_row = |report: &Report| {
        let table = table(report, 120);
        table.lines().find(|it| it.starts_with("tcp ")).unwrap().to_owned()
    };
    assert_eq!(first_row(&report).matches('±').count(), 2, "{}", first_row(&report));
    report.repetitions = 1;
    report.rounds.retain(|it| it.repetition == 0);
    assert!(!table(&report, 240).contains('±'), "one round has no confidence interval");
}

#[test]
fn words_that_are_too_long_are_cut() {
    assert_eq!(wrapped("a bcdefghij kl", 6, ""), ["a", "  bcde", "  fghi", "  j kl"]);
    assert_eq!(wrapped("ab cd ef", 5, ""), ["ab cd", "  ef"]);
}

#[test]
fn foreign_text_has_no_control_characters() {
    let mut report = sample::report(3);
    report.contestants[0].name = "tcp\x1b[2J".into();
    report.rounds[0].outcome = Err("no\r\nway\x07".into());
    let table = table(&report, 100);
    assert!(table.chars().all(|it| it == '\n' || !it.is_control()), "{table:?}");
    assert!(table.contains("no way"), "{table}");
}

#[test]
fn an_empty_report_is_a_table_too() {
    let mut report = sample::empty();
    report.interrupted = true;
    assert!(table(&report, 80).contains("interrupted"));
    report.conditions = sample::report(1).conditions;
    report.contestants = sample::report(1).contestants;
    let table = table(&report, 80);
    assert!(table.contains("no round was measured here"), "{table}");
}
