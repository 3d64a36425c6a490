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

    /// For each round in which both were measured, how many times what `other` took, for each delivery.
    pub fn ratios(&self, other: &Row) -> impl Iterator<Item = f64> {
        let both =
            self.rounds.iter().zip(&other.rounds).filter_map(|it| Some((it.0.as_ref()?, it.1.as_ref()?)));
        both.map(|(ours, theirs)| ours.for_each_delivery() / theirs.for_each_delivery())
    }
}

/// One figure of each row.
struct Column<'a> {
    heading: &'static str,
    unit: &'static str,
    digits: usize,
    figure: Figure<'a>,
}

type Figure<'a> = Box<dyn Fn(&Row) -> Option<f64> + 'a>;

/// All rows under their heading, of a work in which nothing was said or of another. Ratios are to the row `relay`, where
/// there is one.
pub fn table(rows: &[Row], is_silent: bool) -> String {
    let relay = rows.iter().find(|it| it.name == "relay");
    let columns = if is_silent { silent() } else { talking(relay) };
    let width = |it: &Column<'_>| it.heading.chars().count().max(it.unit.chars().count()).max(7);
    let mut table = String::new();
    let mut line = |name: &str, cell: &dyn Fn(&Column<'_>) -> String| {
        let _ = write!(table, "{name:12}");
        for column in &columns {
            let _ = write!(table, " {:>1$}", cell(column), width(column));
        }
        table.push('\n');
    };
    line("", &|it| it.heading.to_owned());
    line("", &|it| it.unit.to_owned());
    for row in rows {
        line(row.name, &|it| {
            (it.figure)(row).map_or("-".to_owned(), |figure| format!("{figure:.0$}", it.digits))
        });
    }
    table
}

fn talking(relay: Option<&Row>) -> Vec<Column<'_>> {
    let late = |quantile| move |it: &Taken| Some(it.late.quantile(quantile)? as f64 / 1e3);
    vec![
        each("each", "µs/delivery", 3, |it| Some(it.for_each_delivery())),
        Column {
            heading: "×",
            unit: "relay",
            digits: 2,
            figure: Box::new(move |row| median(row.ratios(relay?))),
        },
        each("each", "µs/message", 1, |it| Some(it.for_each_message())),
        each("p50", "ms", 2, late(0.5)),
        each("p99", "ms", 2, late(0.99)),
        each("generator", "µs/delivery", 3, |it| {
            Some(it.generator.as_secs_f64() * 1e6 / it.deliveries as f64)
        }),
    ]
}

fn silent<'a>() -> Vec<Column<'a>> {
    vec![
        each("memory", "KiB/person", 2, |it| Some(it.memory / 1024.0)),
        each("load", "% of a core", 2, |it| Some(it.load())),
    ]
}

/// The median of a figure.
fn each<'a>(
    heading: &'static str,
    unit: &'static str,
    digits: usize,
    figure: impl Fn(&Taken) -> Option<f64> + 'a,
) -> Column<'a> {
    Column { heading, unit, digits, figure: Box::new(move |row| row.median(&figure)) }
}

fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    let lower = figures[(figures.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}
