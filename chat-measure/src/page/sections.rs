//! The sections of the page: one per condition, and one with the settings.

use maud::{Markup, PreEscaped, html};

use super::{
    bars, curves,
    paint::{colour, hex},
};
use crate::{
    columns::{Cell, columns},
    human::plain,
    report::{Contestant, Report, Setting},
    summary::{Summary, title},
};

/// The section of a condition, with its table and plots.
pub(super) fn condition(report: &Report, condition: usize) -> Markup {
    let summaries = Summary::of(report, condition);
    let name = title(report.link, &report.conditions[condition]);
    html! {
        section aria-labelledby={ "condition-" (condition) } {
            h2 id={ "condition-" (condition) } { (in_pieces(&name)) }
            @if summaries.iter().any(|summary| summary.measured() > 0) {
                (figures(&summaries, &name))
                ul.legend aria-label="Contestants" {
                    @for (index, it) in summaries.iter().enumerate() { li { (key(index)) (it.name) } }
                }
                (charts(report, &summaries))
            } @else {
                p { "No round was measured here." }
            }
        }
    }
}

/// A condition that a narrow screen may break after each comma.
fn in_pieces(condition: &str) -> Markup {
    html! { @for piece in condition.split_inclusive(',') { (piece) wbr; } }
}

/// The table of all figures. On a narrow screen it scrolls within its box.
fn figures(summaries: &[Summary], name: &str) -> Markup {
    let columns = columns(summaries);
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Figures: " (name) } {
            table {
                thead {
                    tr {
                        th scope="col" {}
                        @for column in &columns { th scope="col" { (column.head[0]) " " small { (column.head[1]) } } }
                    }
                }
                tbody {
                    @for (index, it) in summaries.iter().enumerate() {
                        tr {
                            th scope="row" { (key(index)) span.name title=(it.name) { (it.name) } }
                            @for column in &columns { td { (cell(&column.cells[index])) } }
                        }
                    }
                }
            }
        }
    }
}

fn cell(cell: &Cell) -> Markup {
    html! {
        @if cell.value.is_empty() { "–" } @else { (cell.value) }
        @if let Some(plus_minus) = &cell.plus_minus { small { " ±" (plus_minus) } }
    }
}

/// The plots for which there are figures.
fn charts(report: &Report, summaries: &[Summary]) -> Markup {
    let over_time = curves::over_time(summaries, report.repetitions);
    let round = over_time.as_ref().map(|(round, _)| round + 1);
    let when = match round {
        Some(round) if report.repetitions > 1 => format!(", in round {round}"),
        _ => String::new(),
    };
    let charts = [
        (
            "Not delivered yet".to_owned(),
            "The share of all messages that readers did not have yet after a time. A line stays level where messages were lost."
                .to_owned(),
            curves::not_delivered_yet(summaries),
        ),
        (
            "Over time".to_owned(),
            format!("How long the last reader waited for the messages of a time{when}. Peaks are stalls."),
            over_time.map(|(_, chart)| chart),
        ),
        (
            "Delivered".to_owned(),
            "The share of messages that were lost, shown twice or shown out of order.".to_owned(),
            bars::deliveries(summaries),
        ),
        (
            "On the wire".to_owned(),
            "Bytes and IP packets for each delivery, in both directions together.".to_owned(),
            bars::wire(summaries),
        ),
    ];
    html! {
        div.charts {
            @for (name, says, chart) in charts {
                @if let Some(chart) = chart {
                    figure { h3 { (name) } figcaption { (says) } (PreEscaped(chart)) }
                }
            }
        }
    }
}

/// The section of settings, by which readers can judge whether the comparison is fair and repeat it.
pub(super) fn settings(report: &Report) -> Markup {
    html! {
        section aria-labelledby="settings" {
            h2 id="settings" { "Settings" }
            div.scroll tabindex="0" role="region" aria-label="Settings" {
                table.words {
                    tbody {
                        (setting("seed", &report.seed.to_string()))
                        (setting("conversation", &plain(&report.conversation)))
                        @for it in &report.settings { (setting(&plain(&it.name), &plain(&it.value))) }
                        @for it in &report.contestants { (setting(&plain(&it.name), &of(it))) }
                    }
                }
            }
        }
    }
}

fn setting(name: &str, value: &str) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
}

/// The description of a contestant, with its settings.
fn of(it: &Contestant) -> String {
    let kind = match it {
        Contestant { raw: true, .. } => "without repair",
        Contestant { reliable: true, .. } => "reliable by itself",
        _ => "made reliable by repair",
    };
    let mut all = vec![format!("{}, {kind}", plain(&it.scheme))];
    all.extend(it.settings.iter().map(|Setting { name, value }| format!("{} {}", plain(name), plain(value))));
    all.join("; ")
}

/// A sample of a contestant's line.
fn key(contestant: usize) -> Markup {
    html! {
        svg.key viewBox="0 0 30 10" aria-hidden="true" {
            polyline points="0,5 30,5" fill="none" stroke=(hex(colour(contestant))) stroke-width="3" {}
        }
    }
}
