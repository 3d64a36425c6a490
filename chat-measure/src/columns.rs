//! The columns of a comparison's table, for a terminal and for a page.

use crate::{
    estimate::Estimate,
    figures::Figures,
    human::{measured, percentage},
    summary::Summary,
};

/// One figure of every contestant under a condition.
pub(crate) struct Column {
    /// The heading in two lines; the second line is the unit, if there is one.
    pub head: [&'static str; 2],
    /// The importance: a column of rank 0 is never left out, and the column of the greatest rank is left out first.
    pub rank: u8,
    /// One cell per contestant.
    pub cells: Vec<Cell>,
}

/// One figure of one contestant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cell {
    /// The figure; empty where it is not known.
    pub value: String,
    /// Half the width of the confidence interval, where there is one.
    pub plus_minus: Option<String>,
}

/// The columns in which any contestant has a figure, in the order in which they are shown.
pub(crate) fn columns(summaries: &[Summary]) -> Vec<Column> {
    let all: [Kind; 19] = [
        (["delivered", "%"], 0, &|summary| percent(summary.share_delivered(), summary, "failed")),
        (["twice", "%"], 3, &|summary| percent(summary.share_duplicated(), summary, "")),
        (["out of", "order %"], 4, &|summary| percent(summary.share_reordered(), summary, "")),
        (["p50", "ms"], 1, &|summary| millis(summary.percentile(0.5))),
        (["p90", "ms"], 13, &|summary| millis(summary.percentile(0.9))),
        (["p99", "ms"], 2, &|summary| millis(summary.percentile(0.99))),
        (["p99.9", "ms"], 5, &|summary| millis(summary.percentile(0.999))),
        (["max", "ms"], 6, &|summary| millis(certain(summary.latency.max()))),
        (["goodput", "kB/s"], 9, &|summary| {
            counted(summary.each(|figures| Some(figures.goodput / 1000.0)), 3)
        }),
        (["stalls", ""], 7, &|summary| {
            counted(summary.each(|figures| Some(figures.stalls?.count as f64)), 2)
        }),
        (["longest", "ms"], 8, &|summary| {
            millis(certain(
                summary.rounds.iter().filter_map(|(_, figures)| Some(figures.stalls?.longest_us)).max(),
            ))
        }),
        (["packets", "/delivery"], 12, &|summary| counted(summary.each(Figures::packets_per_delivery), 3)),
        (["bytes", "/delivery"], 11, &|summary| counted(summary.each(Figures::bytes_per_delivery), 3)),
        (["sent", "again"], 14, &|summary| {
            counted(summary.each(|figures| Some(figures.retransmissions? as f64)), 2)
        }),
        (["join p50", "ms"], 15, &|summary| {
            millis(certain(
                summary.all(|figures| Some(&figures.join.took)).and_then(|durations| durations.quantile(0.5)),
            ))
        }),
        (["recovery", "p50 ms"], 10, &|summary| {
            millis(certain(
                summary
                    .all(|figures| figures.recovery.as_ref())
                    .and_then(|durations| durations.quantile(0.5)),
            ))
        }),
        (["recovery", "max ms"], 16, &|summary| {
            millis(certain(
                summary.all(|figures| figures.recovery.as_ref()).and_then(|durations| durations.max()),
            ))
        }),
        (["server", "µs/deliv."], 17, &|summary| {
            counted(summary.each(|figures| per_delivery(figures.cpu.server_us, figures)), 3)
        }),
        (["clients", "µs/deliv."], 18, &|summary| {
            counted(summary.each(|figures| per_delivery(figures.cpu.clients_us, figures)), 3)
        }),
    ];
    let column =
        |(head, rank, cell): Kind| Column { head, rank, cells: summaries.iter().map(cell).collect() };
    let known = |column: &Column| column.rank == 0 || column.cells.iter().any(|cell| !cell.value.is_empty());
    all.into_iter().map(column).filter(known).collect()
}

/// The heading, the rank and the cell of a contestant, for one column.
type Kind<'a> = ([&'static str; 2], u8, &'a dyn Fn(&Summary) -> Cell);

/// A share; `failed` where every round of the contestant failed.
fn percent(share: Option<f64>, summary: &Summary, failed: &str) -> Cell {
    let value = match share {
        Some(share) => percentage(share),
        None if summary.rounds.is_empty() && !summary.failures.is_empty() => failed.to_owned(),
        None => String::new(),
    };
    Cell { value, plus_minus: None }
}

fn millis(micros: Option<Estimate>) -> Cell {
    let Some(Estimate { value, plus_minus }) = micros else { return Cell::default() };
    let (value, plus_minus) = measured(value / 1000.0, plus_minus.map(|micros| micros / 1000.0), 3);
    Cell { value, plus_minus }
}

/// A count, or a mean of counts with `significant` digits. A whole number is shown without a fraction.
fn counted(number: Option<Estimate>, significant: i32) -> Cell {
    let Some(Estimate { value, plus_minus }) = number else { return Cell::default() };
    let significant = if value.fract() == 0.0 { 0 } else { significant };
    let (value, plus_minus) = measured(value, plus_minus, significant);
    Cell { value, plus_minus }
}

fn certain(micros: Option<u64>) -> Option<Estimate> {
    micros.map(|micros| Estimate { value: micros as f64, plus_minus: None })
}

fn per_delivery(micros: Option<u64>, figures: &Figures) -> Option<f64> {
    (figures.delivered > 0).then_some(micros? as f64 / figures.delivered as f64)
}
