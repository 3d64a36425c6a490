//! A comparison as CSV, for spreadsheets and scripts: one row per round.

use crate::{
    durations::Durations,
    figures::{Figures, WireCounts},
    report::Report,
};

/// All rounds as CSV (RFC 4180, so lines end in CRLF): a line with the names of the columns, then a line for each round, in
/// the order in which they were measured.
///
/// Times are in microseconds. The field of a figure that is not known is empty. A round that failed has only its reason,
/// in `error`.
pub fn csv(report: &Report) -> String {
    let figures = columns(&Figures::default());
    let mut csv = String::new();
    let names = ROUND.into_iter().chain(figures.iter().map(|(name, _)| *name));
    line(&mut csv, names);
    for round in &report.rounds {
        let condition = &report.conditions[round.condition];
        let mut fields = vec![
            condition.up.clone(),
            condition.down.clone(),
            report.contestants[round.contestant].name.clone(),
            round.repetition.to_string(),
            round.seed.to_string(),
        ];
        match &round.outcome {
            Ok(figures) => {
                fields.push(String::new());
                fields.extend(columns(figures).into_iter().map(|(_, value)| value));
            }
            Err(why) => {
                fields.push(why.clone());
                fields.extend(figures.iter().map(|_| String::new()));
            }
        }
        line(&mut csv, fields.iter().map(String::as_str));
    }
    csv
}

/// The columns before the figures.
const ROUND: [&str; 6] = ["up", "down", "contestant", "repetition", "seed", "error"];

/// Every figure that is a single number, with the name of its column.
fn columns(of: &Figures) -> Vec<(&'static str, String)> {
    let mut columns = vec![
        ("said", of.said.to_string()),
        ("expected", of.expected.to_string()),
        ("delivered", of.delivered.to_string()),
        ("lost", of.lost.to_string()),
        ("duplicated", of.duplicated.to_string()),
        ("reordered", of.reordered.to_string()),
        ("goodput", of.goodput.to_string()),
        ("lasted_us", of.lasted_us.to_string()),
    ];
    let latency =
        ["latency_p50_us", "latency_p90_us", "latency_p99_us", "latency_p99_9_us", "latency_max_us"];
    columns.extend(percentiles(latency, Some(&of.latency)));
    let stalls = of.stalls.as_ref();
    columns.extend([
        ("stalls", or_empty(stalls.map(|stalls| stalls.count))),
        ("stalls_total_us", or_empty(stalls.map(|stalls| stalls.total_us))),
        ("stalls_longest_us", or_empty(stalls.map(|stalls| stalls.longest_us))),
    ]);
    let before = of.before_repair.as_ref();
    columns.extend([
        ("before_repair_lost", or_empty(before.map(|before| before.lost))),
        ("before_repair_duplicated", or_empty(before.map(|before| before.duplicated))),
        ("before_repair_reordered", or_empty(before.map(|before| before.reordered))),
        ("retransmissions", or_empty(of.retransmissions)),
        ("packets_per_delivery", or_empty(of.packets_per_delivery())),
        ("bytes_per_delivery", or_empty(of.bytes_per_delivery())),
        ("wire_missed", or_empty(of.wire.map(|wire| wire.missed))),
    ]);
    columns.extend(direction(UP, of.wire.map(|wire| wire.up)));
    columns.extend(direction(DOWN, of.wire.map(|wire| wire.down)));
    let join = ["join_p50_us", "join_p90_us", "join_p99_us", "join_p99_9_us", "join_max_us"];
    columns.extend(percentiles(join, Some(&of.join.took)));
    columns.push(("redialled", of.join.redialled.to_string()));
    let recovery =
        ["recovery_p50_us", "recovery_p90_us", "recovery_p99_us", "recovery_p99_9_us", "recovery_max_us"];
    columns.extend(percentiles(recovery, of.recovery.as_ref()));
    columns.push(("cpu_server_us", or_empty(of.cpu.server_us)));
    columns.push(("cpu_clients_us", or_empty(of.cpu.clients_us)));
    columns
}

fn percentiles(names: [&'static str; 5], of: Option<&Durations>) -> [(&'static str, String); 5] {
    let [p50, p90, p99, p99_9, max] = names;
    let quantile = |quantile| or_empty(of.and_then(|durations| durations.quantile(quantile)));
    [
        (p50, quantile(0.5)),
        (p90, quantile(0.9)),
        (p99, quantile(0.99)),
        (p99_9, quantile(0.999)),
        (max, or_empty(of.and_then(Durations::max))),
    ]
}

fn direction(
    names: [&'static str; 8],
    of: Option<WireCounts>,
) -> impl Iterator<Item = (&'static str, String)> {
    let figures = of.map(|counts| {
        let WireCounts { packets, bytes, lost, outage, queue_full, duplicated, reordered, corrupted } =
            counts;
        [packets, bytes, lost, outage, queue_full, duplicated, reordered, corrupted]
    });
    names
        .into_iter()
        .enumerate()
        .map(move |(index, name)| (name, or_empty(figures.map(|figures| figures[index]))))
}

const UP: [&str; 8] = [
    "up_packets",
    "up_bytes",
    "up_lost",
    "up_outage",
    "up_queue_full",
    "up_duplicated",
    "up_reordered",
    "up_corrupted",
];
const DOWN: [&str; 8] = [
    "down_packets",
    "down_bytes",
    "down_lost",
    "down_outage",
    "down_queue_full",
    "down_duplicated",
    "down_reordered",
    "down_corrupted",
];

fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn line<'a>(csv: &mut String, fields: impl IntoIterator<Item = &'a str>) {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            csv.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            csv.push('"');
            csv.push_str(&field.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(field);
        }
    }
    csv.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn what_was_written_can_be_read_back() {
        let mut report = sample::report(7);
        report.contestants[0].name = "the \"first\"".to_owned();
        report.rounds[1].outcome = Err("it said \"no\",\r\nand left".to_owned());
        let rows = parsed(&csv(&report));
        assert_eq!(rows.len(), report.rounds.len() + 1);
        assert!(rows.iter().all(|it| it.len() == rows[0].len()), "every row has every field");
        let field = |row: usize, name: &str| {
            let column = rows[0].iter().position(|it| it == name).unwrap_or_else(|| panic!("no {name}"));
            rows[row][column].clone()
        };
        for (index, round) in report.rounds.iter().enumerate() {
            let row = index + 1;
            assert_eq!(field(row, "contestant"), report.contestants[round.contestant].name);
            assert_eq!(field(row, "up"), report.conditions[round.condition].up);
            assert_eq!(field(row, "seed"), round.seed.to_string());
            match &round.outcome {
                Ok(figures) => {
                    assert_eq!(field(row, "error"), "");
                    assert_eq!(field(row, "delivered"), figures.delivered.to_string());
                    let p99 = figures.latency.quantile(0.99).unwrap();
                    assert_eq!(field(row, "latency_p99_us"), p99.to_string());
                    assert_eq!(field(row, "down_bytes"), figures.wire.unwrap().down.bytes.to_string());
                    assert_eq!(field(row, "stalls").is_empty(), figures.stalls.is_none());
                }
                Err(why) => {
                    assert_eq!(field(row, "error"), *why);
                    assert_eq!(field(row, "delivered"), "", "a failure has no figures");
                }
            }
        }
    }

    /// By RFC 4180, strictly.
    fn parsed(csv: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
        let mut chars = csv.chars().peekable();
        let mut quoted = false;
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
                '"' if quoted => quoted = false,
                '"' if field.is_empty() => quoted = true,
                '"' => panic!("a quote within a field that has none around it"),
                ',' if !quoted => row.push(std::mem::take(&mut field)),
                '\r' if !quoted => {
                    assert_eq!(chars.next(), Some('\n'), "lines end in CRLF");
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                '\n' if !quoted => panic!("a line that ends in LF alone"),
                c => field.push(c),
            }
        }
        assert!(field.is_empty() && row.is_empty() && !quoted, "the last line ends too");
        rows
    }
}
