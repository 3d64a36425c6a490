//! The command line of `chat bench`.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use chat_core::Address;
use chat_measure::load::{ImpossibleLoad, Lasts, Load, Pace};
use clap::Args;

use super::values::{server, size};

/// Put a load on a server, and measure it.
///
/// Many clients join a running server, usually `chat serve --memory --unlimited --no-announce`. Some of them send messages,
/// and all of them receive what is sent to their room. Then the command prints latencies, throughput, and whether any
/// delivery was missing. The rooms stay on the server.
///
/// With --rate messages are due at even times, whether or not earlier ones were delivered, and latencies count from when a
/// message was due: if the server stalls for a second, every message that was due in that second shows it. With --window
/// each sender sends as fast as the server answers, and latencies count from when the message was sent.
///
/// On a link that may lose frames, as over UDP, the clients are complete ones, which repair losses; on other links they only
/// count, so that they cost less than the server. Exits with 1 when a delivery was lost, came twice or came out of order, or
/// a link was lost. Ended early, the command prints the figures so far and exits with 130.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Address,
    /// The number of clients
    #[arg(long, value_name = "N", default_value_t = 100)]
    clients: usize,
    /// The number of rooms
    #[arg(long, value_name = "N", default_value_t = 1)]
    rooms: usize,
    /// How many of the clients send messages [default: 10, or all if there are fewer]
    #[arg(long, value_name = "N")]
    senders: Option<usize>,
    /// Messages a second, of all senders together [default: 100]
    #[arg(long, value_name = "R", conflicts_with_all = ["window", "idle"])]
    rate: Option<f64>,
    /// Send as fast as possible, with at most N messages of each sender unanswered
    #[arg(long, value_name = "N", conflicts_with = "idle")]
    window: Option<usize>,
    /// No client sends anything
    #[arg(long)]
    idle: bool,
    /// The length of messages, in bytes
    #[arg(long, value_name = "N | MIN..MAX", value_parser = size, default_value = "100")]
    size: RangeInclusive<usize>,
    /// Clients that join per second [default: as many as possible, 64 at a time]
    #[arg(long, value_name = "R")]
    ramp: Option<f64>,
    /// For how long the load is measured, such as 10s or 500ms
    #[arg(long, value_name = "TIME", value_parser = chat_lab::time, default_value = "10s")]
    duration: Duration,
    /// Send N messages in all, instead of for a time
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    messages: Option<u64>,
    /// For how long the clients send before the measurement begins [default: 1s, or 0s with --messages]
    #[arg(long, value_name = "TIME", value_parser = chat_lab::time)]
    warmup: Option<Duration>,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// The seed of the lengths of messages
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The server's process on this machine, to report its processor time and memory (Linux)
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl Bench {
    /// The load of these arguments.
    ///
    /// # Errors
    /// Names the number that is out of range.
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
  chat bench 127.0.0.1 --clients 10000 --idle --pid $!              the cost of idle clients
  chat bench 192.168.1.7 --clients 500 --rooms 50 --senders 500 --size 20..400 --json > load.json";
