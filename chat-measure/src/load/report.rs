//! The report of a load: its figures with the costs of server and clients, as JSON and as a table.

use std::fmt::Write;

use serde::Serialize;

use super::{
    figures::Figures,
    spec::{Load, Pace},
};
use crate::{durations::Durations, human};

/// The report of a load.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program that generated the load, and its version.
    pub software: String,
    /// The server's address.
    pub server: String,
    /// The scheme of that address.
    pub transport: String,
    /// The load in words.
    pub load: String,
    /// The load as numbers.
    #[serde(flatten)]
    pub asked: Asked,
    /// The measured figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The server's processor time, where it is known.
    pub server_cost: Option<Cost>,
    /// The server's memory, where that is known.
    pub server_memory: Option<Memory>,
    /// The processor time of this process, in which all clients run.
    pub generator_cost: Option<Cost>,
    /// How many processor cores this process may use.
    pub cores: usize,
}

/// The load as numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    clients: usize,
    rooms: usize,
    senders: usize,
    rate: Option<f64>,
    window: Option<usize>,
    seed: u64,
    /// Whether latencies begin when a message was `due` or when it was `said`.
    latency_from: &'static str,
}

/// Processor time, from the end of the warm-up to the end.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// Processor time in microseconds.
    pub cpu_us: u64,
    /// The time over which it was measured, in microseconds.
    pub wall_us: u64,
    /// How many deliveries there were in that time.
    pub deliveries: u64,
    /// Processor time per delivery, in microseconds; `None` if there were no deliveries.
    pub cpu_us_per_delivery: Option<f64>,
    /// How many cores were busy on average.
    pub busy_cores: f64,
}

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// Before the first client.
    pub before: u64,
    /// When all clients had joined and none had sent a message.
    pub joined: u64,
    /// At the end, before the clients left.
    pub after: u64,
    /// How much each joined client added.
    pub per_client: u64,
}

impl Asked {
    /// The numbers of `load`.
    pub fn of(load: &Load) -> Asked {
        Asked {
            clients: load.clients,
            rooms: load.rooms,
            senders: if load.pace == Pace::Idle { 0 } else { load.senders },
            rate: match load.pace {
                Pace::Rate(rate) => Some(rate),
                _ => None,
            },
            window: match load.pace {
                Pace::Window(window) => Some(window),
                _ => None,
            },
            seed: load.seed,
            latency_from: if matches!(load.pace, Pace::Window(_)) { "said" } else { "due" },
        }
    }
}

impl Cost {
    /// The cost of `deliveries` deliveries that took `cpu_us` of processor time within `wall_us`.
    pub fn new(cpu_us: u64, wall_us: u64, deliveries: u64) -> Cost {
        let each = cpu_us as f64 / deliveries as f64;
        let busy_cores = if wall_us == 0 { 0.0 } else { cpu_us as f64 / wall_us as f64 };
        Cost {
            cpu_us,
            wall_us,
            deliveries,
            cpu_us_per_delivery: (deliveries > 0).then_some(each),
            busy_cores,
        }
    }
}

impl Memory {
    /// The server's memory before `clients` clients joined, when they had joined, and at the end.
    pub fn new(before: u64, joined: u64, after: u64, clients: usize) -> Memory {
        let per_client = joined.saturating_sub(before) / clients.max(1) as u64;
        Memory { before, joined, after, per_client }
    }
}

impl Report {
    /// Reasons to doubt the figures, each a sentence.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let figures = &self.figures;
        if figures.refused > 0 {
            let why = figures.why_refused.as_deref().unwrap_or("for an unknown reason");
            warnings.push(format!(
                "{} messages were refused ({}): start the server with --unlimited to measure its speed.",
                grouped(figures.refused),
                human::plain(why)
            ));
        }
        if figures.unsaid > 0 {
            warnings.push(format!(
                "{} messages were due and not sent before the end, and are in no figure: the clients did not keep up.",
                grouped(figures.unsaid)
            ));
        }
        let cores = self.cores as f64;
        let own = self.generator_cost.map_or(0.0, |cost| cost.busy_cores);
        let both = own + self.server_cost.map_or(0.0, |cost| cost.busy_cores);
        if own > NEARLY_ALL * cores {
            warnings.push(format!(
                "The clients used {} of {} processor cores: they, not the server, may be what these figures measure.",
                human::digits(own, 2),
                self.cores
            ));
        } else if both > NEARLY_ALL * cores {
            warnings.push(format!(
                "Server and clients used {} of {} processor cores together: with more cores the figures would be higher.",
                human::digits(both, 2),
                self.cores
            ));
        }
        warnings
    }

    /// The report as a table for a terminal.
    pub fn table(&self) -> String {
        let Figures { join, said, delivered, delivered_bytes, lost, duplicated, reordered, .. } =
            &self.figures;
        let mut table = format!("{} over {}\n\n", self.load, self.transport);
        let mut line = |title: &str, text: String| {
            let _ = writeln!(table, "{title:<10} {text}"); // writing into a string cannot fail
        };
        let all = human::duration(self.figures.joined_in_us as f64);
        let (joined, clients) = (self.figures.joined as u64, self.asked.clients as u64);
        let of = if joined == clients { String::new() } else { format!(" of {}", grouped(clients)) };
        line("joined", format!("{}{of} in {all}; each {}", grouped(joined), quantiles(join, &JOIN)));
        if self.asked.senders > 0 {
            line("sent", format!("{} messages", grouped(*said)));
            let text = format!("{} messages, {} of text", grouped(*delivered), bytes(*delivered_bytes));
            let speed = grouped(self.figures.deliveries_per_second.round() as u64);
            line("delivered", format!("{text}; {speed} a second"));
            let from = match self.asked.latency_from {
                "due" => "when it was due",
                _ => "when it was said",
            };
            let latency = quantiles(&self.figures.latency, &LATENCY);
            line("latency", format!("{latency} (one way, from {from})"));
        }
        line("faults", format!("{lost} lost, {duplicated} twice, {reordered} out of order"));
        if let Some(cost) = &self.server_cost {
            line("server", spent(cost));
        }
        if let Some(Memory { before, joined, after, per_client }) = self.server_memory {
            let (before, joined, after) = (bytes(before), bytes(joined), bytes(after));
            let each = bytes(per_client);
            line(
                "memory",
                format!("{before} before, {joined} with all clients ({each} each), {after} after"),
            );
        }
        if let Some(cost) = &self.generator_cost {
            line("clients", format!("{} of {}", spent(cost), self.cores));
        }
        for warning in self.warnings() {
            let _ = write!(table, "\n{warning}\n");
        }
        if self.figures.ended_early {
            table.push_str("\nThe load was ended early.\n");
        }
        table
    }
}

fn spent(cost: &Cost) -> String {
    let cores = format!("busy {} of a core", human::percent(cost.busy_cores));
    let cores = if cost.busy_cores >= 1.0 {
        format!("busy {} cores", human::digits(cost.busy_cores, 3))
    } else {
        cores
    };
    match cost.cpu_us_per_delivery {
        Some(each) => format!("{} µs CPU a delivery, {cores}", human::digits(each, 3)),
        None => cores,
    }
}

fn quantiles(durations: &Durations, which: &[(f64, &str)]) -> String {
    let Some(max) = durations.max() else { return "none".to_owned() };
    let at = |(quantile, name): &(f64, &str)| {
        let micros = durations.quantile(*quantile).unwrap_or(max);
        format!("{name} {}", human::duration(micros as f64))
    };
    let all: Vec<String> = which.iter().map(at).collect();
    format!("{}, max {}", all.join(", "), human::duration(max as f64))
}

/// A count with a comma after each three digits.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn bytes(count: u64) -> String {
    let (mut count, mut unit) = (count as f64, 0);
    while count >= 1024.0 && unit + 1 < UNITS.len() {
        (count, unit) = (count / 1024.0, unit + 1);
    }
    format!("{} {}", human::digits(count, 3), UNITS[unit])
}

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
const JOIN: [(f64, &str); 2] = [(0.5, "p50"), (0.99, "p99")];
const LATENCY: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")];
/// From this share of the cores on the processor limits the figures.
const NEARLY_ALL: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_bytes_are_read_at_a_glance() {
        for (count, said) in [(0, "0"), (999, "999"), (1000, "1,000"), (10_000_000, "10,000,000")] {
            assert_eq!(grouped(count), said);
        }
        for (count, said) in [(0, "0 B"), (999, "999 B"), (1536, "1.5 KiB"), (13 << 20, "13 MiB")] {
            assert_eq!(bytes(count), said);
        }
    }
}
