//! The two line charts: the share of messages that were not delivered yet, and the longest wait over time.

use std::{collections::BTreeSet, ops::Range};

use plotters::{
    coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter},
    prelude::*,
};

use super::paint::{FONT, GRID, INK, colour, within_page};
use crate::{
    figures::TimeSlot,
    human::{digits, duration},
    summary::Summary,
};

/// The share of expected deliveries that had not come yet after a time; `None` where none came.
pub(super) fn not_delivered_yet(summaries: &[Summary]) -> Option<String> {
    let heard = |summary: &&Summary| summary.delivered > 0;
    let shortest = summaries.iter().filter(heard).filter_map(|it| it.latency.quantile(0.0)).min()?;
    let longest = summaries.iter().filter(heard).filter_map(|it| it.latency.max()).max()?;
    let x = Axis::of_times(shortest, longest);
    let lines = summaries.iter().enumerate().filter(|(_, it)| it.delivered > 0);
    let lines = lines
        .map(|(contestant, it)| Curve { contestant, pieces: vec![remaining(it, x.to)] })
        .collect::<Vec<_>>();
    Some(within_page(
        &drawn(&lines, x, Axis::of_shares()),
        "Share of messages that were not delivered yet, by time",
    ))
}

/// The longest wait for the messages that were due at a time, in the first of the rounds that most contestants have; with
/// the number of that round, from 0 on.
pub(super) fn over_time(summaries: &[Summary], repetitions: usize) -> Option<(usize, String)> {
    let of = |round, it: &Summary| {
        let found = it.rounds.iter().find(|(repetition, _)| *repetition == round);
        found.map(|(_, figures)| figures.over_time.clone()).filter(|it| !it.is_empty())
    };
    let heard = |round: &usize| summaries.iter().filter(|summary| of(*round, summary).is_some()).count();
    // Of several, `max_by_key` takes the last.
    let round = (0..repetitions).rev().max_by_key(heard)?;
    let slots: Vec<_> =
        summaries.iter().enumerate().filter_map(|(index, it)| Some((index, of(round, it)?))).collect();
    let all = || slots.iter().flat_map(|(_, it)| it);
    let known: BTreeSet<u64> = all().map(|item| item.at_ms).collect();
    let y = Axis::of_times(all().map(|item| item.max_us).min()?, all().map(|item| item.max_us).max()?);
    let x = Axis::of_seconds(known.last()? + 1);
    let lines = slots
        .iter()
        .map(|(contestant, it)| Curve { contestant: *contestant, pieces: longest(it, &known, x.to) });
    let lines = lines.collect::<Vec<_>>();
    Some((round, within_page(&drawn(&lines, x, y), "Longest wait by the time at which messages were said")))
}

/// The longest wait in each slot. Where nothing was delivered in a slot that others have, the line has a gap.
fn longest(slots: &[TimeSlot], known: &BTreeSet<u64>, to: f64) -> Vec<Vec<(f64, f64)>> {
    let is_next = |a: &TimeSlot, b: &TimeSlot| known.range(a.at_ms + 1..).next() == Some(&b.at_ms);
    let pieces = slots.chunk_by(is_next).map(|piece| {
        let mut points: Vec<_> =
            piece.iter().map(|it| (it.at_ms as f64 / 1000.0, millis(it.max_us))).collect();
        let (at, high) = points[points.len() - 1];
        points.push((at + to / 200.0, high)); // so that a single point can be seen
        points
    });
    pieces.collect()
}

/// The share that was not delivered yet, as steps, with logarithms on both axes. A lost message is never delivered.
fn remaining(it: &Summary, to: f64) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let expected = it.expected.max(it.delivered) as f64;
    let (mut came, mut share) = (0, 0.0);
    for (micros, how_many) in it.latency.distribution() {
        let at = millis(micros);
        came += how_many;
        let left = (1.0 - came as f64 / expected).max(0.0).log10().max(LEAST);
        // Steps that are too small to be seen are not drawn.
        let is_seen = |it: &(f64, f64)| at - it.0 > 0.004 || share - left > 0.02;
        if points.last().is_none_or(is_seen) || left == LEAST {
            points.extend([(at, share), (at, left)]);
            share = left;
        }
        if left == LEAST {
            return points;
        }
    }
    points.push((to, share));
    points
}

/// The curve of a contestant, in one or more pieces.
struct Curve {
    contestant: usize,
    pieces: Vec<Vec<(f64, f64)>>,
}

/// An axis of a plot.
struct Axis {
    from: f64,
    to: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis of logarithms of milliseconds, from one round number to another.
    fn of_times(shortest_us: u64, longest_us: u64) -> Axis {
        let known = |step: i32| {
            let mantissa = [1.0f64, 2.0, 5.0][step.rem_euclid(3) as usize];
            mantissa.log10() + f64::from(step.div_euclid(3))
        };
        let (shortest, longest) = (millis(shortest_us), millis(longest_us));
        let first = (-9..=21).rev().find(|it| known(*it) <= shortest + CLOSE).unwrap_or(-9);
        let last = (-9..=21).find(|it| known(*it) >= longest - CLOSE && *it > first).unwrap_or(21);
        let is_tick = |it: &i32| match last - first {
            ..=4 => true,
            // The ends are ticks as well, where they are not next to a power of ten.
            5..=12 => {
                it % 3 == 0
                    || (*it == first && it.rem_euclid(3) == 1)
                    || (*it == last && it.rem_euclid(3) == 2)
            }
            13..=18 => it % 3 == 0,
            _ => it % 6 == 0,
        };
        let ticks = (first..=last).filter(is_tick).map(known);
        let ticks = ticks.map(|tick| (tick, duration(10f64.powf(tick) * 1000.0))).collect();
        Axis { from: known(first), to: known(last), ticks }
    }

    /// An axis of logarithms of shares, from all down to the least share that is shown.
    fn of_shares() -> Axis {
        let ticks = ["all", "1 in 10", "1 in 100", "1 in 1000"].into_iter().enumerate();
        Axis { from: LEAST, to: 0.0, ticks: ticks.map(|(at, it)| (-(at as f64), it.to_owned())).collect() }
    }

    fn of_seconds(longest_ms: u64) -> Axis {
        let to = longest_ms as f64 / 1000.0;
        let steps = (-3..6).flat_map(|it| [1.0, 2.0, 5.0].map(|by| by * 10f64.powi(it)));
        let step = steps.into_iter().find(|it| to / it <= 5.0 + CLOSE).unwrap_or(to);
        let ticks = (0..=(to / step + CLOSE) as u32).map(|it| f64::from(it) * step);
        Axis { from: 0.0, to, ticks: ticks.map(|tick| (tick, format!("{} s", digits(tick, 3)))).collect() }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let part = (value - self.from) / (self.to - self.from);
        first + (part.clamp(0.0, 1.0) * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let named = self.ticks.iter().find(|(at, _)| at == value);
        named.map(|(_, name)| name.clone()).unwrap_or_default()
    }
}

/// Draws curves, each in its contestant's colour.
fn drawn(lines: &[Curve], x: Axis, y: Axis) -> String {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin_top(10)
        .margin_right(36)
        .x_label_area_size(30)
        .y_label_area_size(102)
        .build_cartesian_2d(x, y)
        .expect(NEVER);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(FONT)
        .draw()
        .expect(NEVER);
    for Curve { contestant, pieces } in lines {
        let style = colour(*contestant).stroke_width(2);
        for points in pieces {
            chart.draw_series(LineSeries::new(points.iter().copied(), style)).expect(NEVER);
        }
    }
    drop(chart);
    root.present().expect(NEVER);
    drop(root);
    svg
}

/// The logarithm of milliseconds.
fn millis(micros: u64) -> f64 {
    (micros.max(1) as f64 / 1000.0).log10()
}

/// The size in pixels; the page scales the plot.
const SIZE: (u32, u32) = (480, 320);
/// The logarithm of the least share that is shown.
const LEAST: f64 = -3.0;
/// The difference up to which two logarithms count as the same.
const CLOSE: f64 = 1e-6;
const NEVER: &str = "drawing into a string cannot fail";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::Report, sample};

    #[test]
    fn a_lost_message_is_never_delivered() {
        let report = sample::report(3);
        let summaries = Summary::of(&report, 1);
        let (all, lossy) = (&summaries[0], &summaries[2]);
        let to = 3.0;
        let points = remaining(all, to);
        assert_eq!(points.first().unwrap().1, 0.0, "at first nothing is delivered");
        assert_eq!(points.last().unwrap().1, LEAST, "at last everything is");
        let points = remaining(lossy, to);
        let (at, share) = *points.last().unwrap();
        assert_eq!(at, to, "the line goes on to the edge");
        assert!(
            (10f64.powf(share) - lossy.share_lost().unwrap()).abs() < 0.002,
            "the line ends at the share that was lost"
        );
        assert!(points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 >= b.1), "the share never rises");
    }

    #[test]
    fn times_go_from_one_round_number_to_another() {
        let of = |from, to| Axis::of_times(from, to).ticks.into_iter().map(|(_, it)| it).collect::<Vec<_>>();
        assert_eq!(of(21_600, 310_000), ["20 ms", "50 ms", "100 ms", "200 ms", "500 ms"]);
        assert_eq!(of(530, 559), ["0.5 ms", "1 ms"]);
        assert_eq!(of(1000, 1000), ["1 ms", "2 ms"]);
        assert_eq!(of(80, 2_310_000), ["0.1 ms", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(of(22_000, 900_000), ["20 ms", "100 ms", "1 s"]);
        assert_eq!(of(60_000, 4_000_000), ["100 ms", "1 s", "5 s"]);
        assert_eq!(of(1, 3_600_000_000), ["0.01 ms", "1 ms", "100 ms", "10 s", "1000 s"]);
        let seconds = |ms| Axis::of_seconds(ms).ticks.into_iter().map(|(_, it)| it).collect::<Vec<_>>();
        assert_eq!(seconds(10_000), ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]);
        assert_eq!(seconds(300), ["0 s", "0.1 s", "0.2 s", "0.3 s"]);
    }

    #[test]
    fn a_curve_has_a_gap_where_nothing_was_delivered() {
        let mut report = sample::report(3);
        let pieces = |report: &Report, condition| {
            let (round, svg) = over_time(&Summary::of(report, condition), 2).unwrap();
            assert_eq!(round, 0, "the first that all came through");
            let stroke = format!("stroke=\"{}\"", super::super::paint::hex(colour(2)));
            svg.matches(&stroke).count()
        };
        assert_eq!((pieces(&report, 1), pieces(&report, 2)), (1, 2), "the outage is a gap");
        for figures in report.rounds.iter_mut().filter_map(|round| round.outcome.as_mut().ok()) {
            figures.over_time.retain(|slot| !(2000..3000).contains(&slot.at_ms));
        }
        assert_eq!(pieces(&report, 1), 1, "a slot in which no message was due is no gap");
    }
}
