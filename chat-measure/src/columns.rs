//! What a table says of each contestant, for a terminal and for a page.

use crate::{
    Figures,
    estimate::Estimate,
    human::{measured, percentage},
    summary::Summary,
};

/// One figure of all contestants under a condition.
pub(crate) struct Column {
    /// What it is, in two lines; the second one is its unit, if it has one.
    pub head: [&'static str; 2],
    /// How important it is: 0 is never left out, and the greatest is the first to go.
    pub rank: u8,
    /// For each contestant.
    pub cells: Vec<Cell>,
}

/// One figure of one contestant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cell {
    /// What it is; empty where it is not known.
    pub value: String,
    /// How far it may be off, where that is known.
    pub plus_minus: Option<String>,
}

/// All that is known of any of them, in the order in which it is shown.
pub(crate) fn columns(summaries: &[Summary]) -> Vec<Column> {
    let all: [Kind; 19] = [
        (["delivered", "%"], 0, &|it| percent(it.share_delivered(), it, "failed")),
        (["twice", "%"], 3, &|it| percent(it.share_duplicated(), it, "")),
        (["out of", "order %"], 4, &|it| percent(it.share_reordered(), it, "")),
        (["p50", "ms"], 1, &|it| millis(it.percentile(0.5))),
        (["p90", "ms"], 13, &|it| millis(it.percentile(0.9))),
        (["p99", "ms"], 2, &|it| millis(it.percentile(0.99))),
        (["p99.9", "ms"], 5, &|it| millis(it.percentile(0.999))),
        (["max", "ms"], 6, &|it| millis(certain(it.latency.max()))),
        (["goodput", "kB/s"], 9, &|it| counted(it.each(|it| Some(it.goodput / 1000.0)), 3)),
        (["stalls", ""], 7, &|it| counted(it.each(|it| Some(it.stalls?.count as f64)), 2)),
        (["longest", "ms"], 8, &|it| {
            millis(certain(it.rounds.iter().filter_map(|(_, it)| Some(it.stalls?.longest_us)).max()))
        }),
        (["packets", "/delivery"], 12, &|it| counted(it.each(Figures::packets_per_delivery), 3)),
        (["bytes", "/delivery"], 11, &|it| counted(it.each(Figures::bytes_per_delivery), 3)),
        (["sent", "again"], 14, &|it| counted(it.each(|it| Some(it.retransmissions? as f64)), 2)),
        (["join p50", "ms"], 15, &|it| {
            millis(certain(it.all(|it| Some(&it.join.took)).and_then(|it| it.quantile(0.5))))
        }),
        (["recovery", "p50 ms"], 10, &|it| {
            millis(certain(it.all(|it| it.recovery.as_ref()).and_then(|it| it.quantile(0.5))))
        }),
        (["recovery", "max ms"], 16, &|it| {
            millis(certain(it.all(|it| it.recovery.as_ref()).and_then(|it| it.max())))
        }),
        (["server", "µs/deliv."], 17, &|it| counted(it.each(|it| per_delivery(it.cpu.server_us, it)), 3)),
        (["clients", "µs/deliv."], 18, &|it| counted(it.each(|it| per_delivery(it.cpu.clients_us, it)), 3)),
    ];
    let column =
        |(head, rank, cell): Kind| Column { head, rank, cells: summaries.iter().map(cell).collect() };
    let known = |it: &Column| it.rank == 0 || it.cells.iter().any(|it| !it.value.is_empty());
    all.into_iter().map(column).filter(known).collect()
}

/// The head and the rank of a column, and what it says of a contestant.
type Kind<'a> = ([&'static str; 2], u8, &'a dyn Fn(&Summary) -> Cell);

/// A share; where nothing came to anything, what is said instead.
fn percent(share: Option<f64>, it: &Summary, failed: &str) -> Cell {
    let value = match share {
        Some(share) => percentage(share),
        None if it.rounds.is_empty() && !it.failures.is_empty() => failed.to_owned(),
        None => String::new(),
    };
    Cell { value, plus_minus: None }
}

fn millis(micros: Option<Estimate>) -> Cell {
    let Some(Estimate { value, plus_minus }) = micros else { return Cell::default() };
    let (value, plus_minus) = measured(value / 1000.0, plus_minus.map(|it| it / 1000.0), 3);
    Cell { value, plus_minus }
}

/// A count, or a mean of counts, with so many digits; what was counted once has no fraction.
fn counted(number: Option<Estimate>, significant: i32) -> Cell {
    let Some(Estimate { value, plus_minus }) = number else { return Cell::default() };
    let significant = if value.fract() == 0.0 { 0 } else { significant };
    let (value, plus_minus) = measured(value, plus_minus, significant);
    Cell { value, plus_minus }
}

fn certain(micros: Option<u64>) -> Option<Estimate> {
    micros.map(|it| Estimate { value: it as f64, plus_minus: None })
}

fn per_delivery(micros: Option<u64>, figures: &Figures) -> Option<f64> {
    (figures.delivered > 0).then_some(micros? as f64 / figures.delivered as f64)
}
