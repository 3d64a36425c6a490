//! A comparison as text for a terminal: a table for each condition, and its verdict in sentences.

#[cfg(test)]
mod tests;

use crate::{
    columns::{Cell, Column, columns},
    human::{of as noun, plain},
    report::Report,
    summary::{Summary, link, title},
    verdict::verdict,
};

/// The whole comparison as text, without colours and in lines of at most `width` columns, but at least 40.
///
/// Columns that do not fit are left out, the least important first; `csv` and `page` have all of them.
pub fn table(report: &Report, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut lines = head(report, width);
    for condition in 0..report.conditions.len() {
        lines.push(String::new());
        lines.extend(wrapped(&title(report.link, &report.conditions[condition]), width, ""));
        let summaries = Summary::of(report, condition);
        if summaries.iter().any(|summary| summary.measured() > 0) {
            lines.extend(block(&summaries, width));
        }
        for sentence in verdict(report, condition) {
            lines.extend(wrapped(&sentence, width, "  "));
        }
    }
    lines.extend(settings(report, width));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The introduction: what was compared, and how to read the tables.
fn head(report: &Report, width: usize) -> Vec<String> {
    let rounds = noun(report.repetitions, "round", "rounds");
    let mut head = wrapped(
        &format!("{}: {}, over {}", plain(&report.scenario), plain(&report.conversation), link(report.link)),
        width,
        "",
    );
    let mut how = format!("{} {rounds} each, seed {}", report.repetitions, report.seed);
    if report.repetitions > 1 {
        how += "; ± is half of the 95 % confidence interval";
    }
    head.extend(wrapped(&how, width, ""));
    if report.interrupted {
        head.extend(wrapped("interrupted before all rounds were measured", width, ""));
    }
    head
}

/// The table of one condition.
fn block(summaries: &[Summary], width: usize) -> Vec<String> {
    let mut names: Vec<String> = summaries.iter().map(|summary| cut(&summary.name, width / 4)).collect();
    let columns = fitting(columns(summaries), &mut names, width);
    let first = names.iter().map(|name| length(name)).max().unwrap_or(0);
    let line = |name: &str, of: &dyn Fn(&Printed) -> String| {
        let mut line = format!("{name:first$}");
        for column in &columns {
            line += &format!("{GAP}{:>1$}", of(column), column.width());
        }
        line
    };
    let heads = (0..2).map(|it| line("", &|column| column.head[it].to_owned()));
    let rows = names.iter().enumerate().map(|(row, name)| line(name, &|column| column.cells[row].clone()));
    heads.chain(rows).collect()
}

/// A column as text.
struct Printed {
    head: [&'static str; 2],
    cells: Vec<String>,
}

impl Printed {
    fn new(column: &Column, how: Detail) -> Printed {
        let with = match how {
            Detail::All => true,
            Detail::Chief => CHIEF.contains(&column.rank),
            Detail::Bare => false,
        };
        let cell = |cell: &Cell| match &cell.plus_minus {
            _ if cell.value.is_empty() => "-".to_owned(),
            Some(plus_minus) if with => format!("{} ±{plus_minus}", cell.value),
            _ => cell.value.clone(),
        };
        Printed { head: column.head, cells: column.cells.iter().map(cell).collect() }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(String::as_str);
        self.head.into_iter().chain(cells).map(length).max().unwrap_or(0)
    }
}

/// Which figures are shown with their confidence interval.
#[derive(Clone, Copy)]
enum Detail {
    All,
    Chief,
    Bare,
}

/// The columns that fit. These are given up in turn until the rest fits: confidence intervals of figures that are not chief
/// ones, then the least important columns, then all confidence intervals, then the ends of names.
fn fitting(mut columns: Vec<Column>, names: &mut [String], width: usize) -> Vec<Printed> {
    let names_are = names.iter().map(|name| length(name)).max().unwrap_or(0);
    let print =
        |columns: &[Column], how| columns.iter().map(|column| Printed::new(column, how)).collect::<Vec<_>>();
    let taken = |printed: &[Printed]| printed.iter().map(|it| GAP.len() + it.width()).sum::<usize>();
    let fits = |printed: &[Printed]| names_are + taken(printed) <= width;
    let all = print(&columns, Detail::All);
    if fits(&all) {
        return all;
    }
    loop {
        let printed = print(&columns, Detail::Chief);
        if fits(&printed) {
            return printed;
        }
        let least = columns.iter().map(|column| column.rank).max().unwrap_or(0);
        if least <= ALWAYS {
            break;
        }
        columns.retain(|column| column.rank < least);
    }
    let printed = print(&columns, Detail::Bare);
    let left = width.saturating_sub(taken(&printed));
    names.iter_mut().for_each(|name| *name = cut(name, left));
    printed
}

/// A name, cut to fit.
fn cut(name: &str, width: usize) -> String {
    if length(name) <= width {
        return name.to_owned();
    }
    name.chars().take(width.saturating_sub(1)).chain(['~']).collect()
}

/// The settings of the comparison and of each contestant.
fn settings(report: &Report, width: usize) -> Vec<String> {
    let mut lines = vec![String::new(), "settings".to_owned()];
    let all =
        report.settings.iter().map(|setting| format!("{}: {}", plain(&setting.name), plain(&setting.value)));
    lines.extend(all.flat_map(|item| wrapped(&item, width, "  ")));
    lines.extend(wrapped(&format!("measured by: {}", plain(&report.software)), width, "  "));
    for contestant in &report.contestants {
        let of = contestant
            .settings
            .iter()
            .map(|setting| format!("{} {}", plain(&setting.name), plain(&setting.value)));
        let of = of.collect::<Vec<_>>().join(", ");
        if !of.is_empty() {
            lines.extend(wrapped(&format!("{}: {of}", plain(&contestant.name)), width, "  "));
        }
    }
    lines
}

/// Breaks a text into lines that fit; all but the first are indented further.
fn wrapped(text: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = vec![indent.to_owned()];
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let gap = usize::from(!is_empty);
            if length(line) + gap + length(&word) <= width {
                line.push_str(if is_empty { "" } else { " " });
                line.push_str(&word);
                is_empty = false;
                break;
            }
            if is_empty {
                // A word that is longer than any line is cut.
                let room = width - length(line);
                line.extend(word.chars().take(room));
                word = word.chars().skip(room).collect();
            }
            lines.push(format!("{indent}  "));
            is_empty = true;
        }
    }
    lines
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The narrowest width that a table is made for.
const NARROWEST: usize = 40;
const GAP: &str = "  ";
/// Columns up to this rank are always shown: delivered, median and 99th percentile.
const ALWAYS: u8 = 2;
/// The ranks of the figures whose confidence interval is shown wherever it fits: median and 99th percentile.
const CHIEF: [u8; 2] = [1, 2];
