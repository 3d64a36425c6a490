//! The command line of `chat bench`.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use chat_core::Address;
use chat_measure::load::{ImpossibleLoad, Lasts, Load, Pace};
use clap::Args;

use super::{compare::size, server};

/// Load a server, and measure it.
///
/// Lets many clients come in at a server that runs elsewhere or here, usually `chat serve --memory --unlimited
/// --no-announce`; some of them talk, and all of them get what is said. Then it prints how long that took, how much it was,
/// and whether anything was missing. The rooms stay at the server.
///
/// With --rate messages are due at even times, whatever became of those before, and latencies count from when a message was
/// due: a server that stands still for a second is seen by all who would have talked in that second. With --window as much
/// is said as goes, and latencies count from when it was said.
///
/// Where a link may lose frames, as over UDP, the clients are those that people use, which repair that; elsewhere they only
/// count, to be faster than a server. Exits with 1 when something was lost, came twice or out of order, or a link was lost.
/// Ended early, it prints what it has and exits with 130.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Address,
    /// How many clients there are
    #[arg(long, value_name = "N", default_value_t = 100)]
    clients: usize,
    /// In how many rooms
    #[arg(long, value_name = "N", default_value_t = 1)]
    rooms: usize,
    /// How many of them talk [default: 10, or all if there are less]
    #[arg(long, value_name = "N")]
    senders: Option<usize>,
    /// Messages a second, of all senders together [default: 100]
    #[arg(long, value_name = "R", conflicts_with_all = ["window", "idle"])]
    rate: Option<f64>,
    /// As fast as it goes, with at most N messages of each sender unanswered
    #[arg(long, value_name = "N", conflicts_with = "idle")]
    window: Option<usize>,
    /// Nobody talks
    #[arg(long)]
    idle: bool,
    /// How long messages are, in bytes
    #[arg(long, value_name = "N | MIN..MAX", value_parser = size, default_value = "100")]
    size: RangeInclusive<usize>,
    /// Clients that come in a second [default: as many as can, 64 at a time]
    #[arg(long, value_name = "R")]
    ramp: Option<f64>,
    /// For how long it is measured, such as 10s or 500ms
    #[arg(long, value_name = "TIME", value_parser = chat_lab::time, default_value = "10s")]
    duration: Duration,
    /// Until N messages were said, instead of for a time
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    messages: Option<u64>,
    /// What is said for so long before does not count [default: 1s, or with --messages nothing]
    #[arg(long, value_name = "TIME", value_parser = chat_lab::time)]
    warmup: Option<Duration>,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// What the lengths of messages are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The server's process on this machine (Linux): says what processor time and memory it used
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl Bench {
    /// The load that is asked for.
    ///
    /// # Errors
    /// Which number is impossible.
    pub(crate) fn load(&self) -> Result<Load, ImpossibleLoad> {
        let pace = match (self.window, self.rate) {
            _ if self.idle => Pace::Idle,
            (Some(window), _) => Pace::Window(window),
            (None, rate) => Pace::Rate(rate.unwrap_or(100.0)),
        };
        let warmup = if self.messages.is_some() { Duration::ZERO } else { Duration::from_secs(1) };
        let load = Load {
            clients: self.clients,
            rooms: self.rooms,
            senders: self.senders.unwrap_or(self.clients.min(10)),
            pace,
            size: self.size.clone(),
            lasts: self.messages.map_or(Lasts::Time(self.duration), Lasts::Messages),
            warmup: self.warmup.unwrap_or(warmup),
            ramp: self.ramp,
            seed: self.seed,
        };
        load.checked()
    }
}

const EXAMPLES: &str = "\
Examples:
  chat serve --memory --unlimited --no-announce &
  chat bench 127.0.0.1 --pid $!                                     100 clients, 100 messages a second
  chat bench 127.0.0.1 --clients 1000 --rate 2000 --duration 30s
  chat bench udp://127.0.0.1 --clients 200 --window 64 --messages 50000
  chat bench 127.0.0.1 --clients 10000 --idle --pid $!              what it costs that somebody is there
  chat bench 192.168.1.7 --clients 500 --rooms 50 --senders 500 --size 20..400 --json > load.json";
