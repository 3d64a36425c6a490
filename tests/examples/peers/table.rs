//! What people look at: a row for each server, of medians over the rounds.

use std::fmt::Write;

use crate::works::Taken;

/// A server and what it took in each round.
pub struct Row {
    pub name: &'static str,
    /// Nothing where it failed.
    pub rounds: Vec<Option<Taken>>,
    /// What went wrong, if anything did.
    pub failures: Vec<String>,
}

impl Row {
    pub fn new(name: &'static str, rounds: usize) -> Row {
        Row { name, rounds: (0..rounds).map(|_| None).collect(), failures: Vec::new() }
    }

    /// The median of a figure over the rounds that have it.
    fn median(&self, figure: impl Fn(&Taken) -> Option<f64>) -> Option<f64> {
        median(self.rounds.iter().flatten().filter_map(figure))
    }

    /// The median of how many times what `other` took in the same round, for each delivery.
    fn times(&self, other: &Row) -> Option<f64> {
        let both =
            self.rounds.iter().zip(&other.rounds).filter_map(|it| Some((it.0.as_ref()?, it.1.as_ref()?)));
        median(both.map(|(ours, theirs)| ours.for_each_delivery() / theirs.for_each_delivery()))
    }
}

/// All rows under their heading; ratios are to the row `relay`, where there is one.
pub fn table(rows: &[Row]) -> String {
    let relay = rows.iter().find(|it| it.name == "relay");
    let mut table = format!(
        "{:12} {:>11} {:>8} {:>11} {:>8} {:>8} {:>11}\n{:12} {:>11} {:>8} {:>11} {:>8} {:>8} {:>11}\n",
        "",
        "µs/delivery",
        "× relay",
        "µs/message",
        "p50",
        "p99",
        "generator",
        "",
        "",
        "",
        "",
        "ms",
        "ms",
        "µs/delivery"
    );
    for row in rows {
        let late = |quantile| row.median(move |it| Some(it.late.quantile(quantile)? as f64 / 1e3));
        let generator = row.median(|it| Some(it.generator.as_secs_f64() * 1e6 / it.deliveries as f64));
        let figures = [
            (11, 3, row.median(|it| Some(it.for_each_delivery()))),
            (8, 2, relay.and_then(|it| row.times(it))),
            (11, 1, row.median(|it| Some(it.for_each_message()))),
            (8, 2, late(0.5)),
            (8, 2, late(0.99)),
            (11, 3, generator),
        ];
        let _ = write!(table, "{:12}", row.name);
        for (width, digits, figure) in figures {
            let figure = figure.map_or("-".to_owned(), |it| format!("{it:.digits$}"));
            let _ = write!(table, " {figure:>width$}");
        }
        table.push('\n');
    }
    table
}

fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    let lower = figures[(figures.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}
