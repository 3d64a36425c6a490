//! All that is known of a load when it is over, and how people read it.

use std::fmt::Write;

use serde::Serialize;

use super::{Figures, Load, Pace};
use crate::{Durations, human};

/// All that is known of a load when it is over.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program that made it, and its version.
    pub software: String,
    /// Where the server is.
    pub server: String,
    /// The scheme of that.
    pub transport: String,
    /// What was asked for, in words.
    pub load: String,
    /// The same as numbers.
    #[serde(flatten)]
    pub asked: Asked,
    /// What came of it.
    #[serde(flatten)]
    pub figures: Figures,
    /// What the server used, where that is known.
    pub server_cost: Option<Cost>,
    /// The server's memory, where that is known.
    pub server_memory: Option<Memory>,
    /// What this process used: it had all clients in it.
    pub generator_cost: Option<Cost>,
    /// How many processor cores this process may use.
    pub cores: usize,
}

/// What was asked for.
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
    /// In microseconds.
    pub cpu_us: u64,
    /// How long that was measured, in microseconds.
    pub wall_us: u64,
    /// How many deliveries there were in that time.
    pub deliveries: u64,
    /// Processor time of each, in microseconds; none if there were none.
    pub cpu_us_per_delivery: Option<f64>,
    /// How many cores were busy on average.
    pub busy_cores: f64,
}

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// Before the first client.
    pub before: u64,
    /// With all clients in their rooms, before anything was said.
    pub joined: u64,
    /// In the end, while they still were.
    pub after: u64,
    /// What each client added by being there.
    pub per_client: u64,
}

impl Asked {
    /// What `load` asks for.
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
    /// So much processor time in so much time, for so many deliveries.
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
    /// What `clients` clients make of the memory there was `before` them.
    pub fn new(before: u64, joined: u64, after: u64, clients: usize) -> Memory {
        let per_client = joined.saturating_sub(before) / clients.max(1) as u64;
        Memory { before, joined, after, per_client }
    }
}

impl Report {
    /// What is to be known before these figures are believed, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let figures = &self.figures;
        if figures.refused > 0 {
            let why = figures.why_refused.as_deref().unwrap_or("nobody knows why");
            warnings.push(format!(
                "{} messages were refused ({}): a server takes as much as it can with --unlimited.",
                grouped(figures.refused),
                human::plain(why)
            ));
        }
        if figures.unsaid > 0 {
            warnings.push(format!(
                "{} messages were due and not said before the end, and are in no figure: it did not keep up.",
                grouped(figures.unsaid)
            ));
        }
        let cores = self.cores as f64;
        let own = self.generator_cost.map_or(0.0, |it| it.busy_cores);
        let both = own + self.server_cost.map_or(0.0, |it| it.busy_cores);
        if own > NEARLY_ALL * cores {
            warnings.push(format!(
                "The clients used {} of {} processor cores: they, not the server, may be what these figures measure.",
                human::digits(own, 2),
                self.cores
            ));
        } else if both > NEARLY_ALL * cores {
            warnings.push(format!(
                "Server and clients used {} of {} processor cores together: with more cores there would be more.",
                human::digits(both, 2),
                self.cores
            ));
        }
        warnings
    }

    /// What people read.
    pub fn table(&self) -> String {
        let Figures { join, said, delivered, delivered_bytes, lost, duplicated, reordered, .. } =
            &self.figures;
        let mut table = format!("{} over {}\n\n", self.load, self.transport);
        let mut line = |title: &str, text: String| {
            let _ = writeln!(table, "{title:<10} {text}"); // a string takes everything
        };
        let all = human::duration(self.figures.joined_in_us as f64);
        let (joined, clients) = (self.figures.joined as u64, self.asked.clients as u64);
        let of = if joined == clients { String::new() } else { format!(" of {}", grouped(clients)) };
        line("joined", format!("{}{of} in {all}; each {}", grouped(joined), quantiles(join, &JOIN)));
        if self.asked.senders > 0 {
            line("said", format!("{} messages", grouped(*said)));
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
            table.push_str("\nIt was ended early.\n");
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
/// From which share of the cores on there is hardly more to be had.
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
