//! The command line: what can be asked of the program, and the help that says so.

use std::{fmt, net::Ipv6Addr, path::PathBuf};

use chat_core::{Address, AddressError, PersonName, RoomName};
use chat_discovery::MAX_NAME;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use clap_complete::Shell;

use self::examples::*;
use crate::{storage::Storage, timestamp};

mod bench;
mod bot;
mod compare;
mod doctor;
mod examples;

pub(crate) use bench::Bench;
pub(crate) use bot::Bot;
pub(crate) use compare::{Compare, Conditions, Link};
pub(crate) use doctor::Doctor;

/// Chat on a local network: rooms with history, over any transport.
///
/// Without a command it joins the server of the settings, or else looks for about a second for servers on this network.
/// One is joined. Of several, one can choose on a terminal, the one used last first; elsewhere that one is joined if it
/// is there. Where there is none, one is hosted here: over TCP and UDP on port 7000, or free ports if that is taken, with
/// the rooms that `chat serve` has, and with the password that --password-file gives. It ends when its host leaves.
#[derive(Debug, Parser)]
#[command(name = "chat", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) talking: Talking,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Join(Join),
    Send(Send),
    Tail(Tail),
    Search(Search),
    Export(Export),
    Bot(Bot),
    Discover(Discover),
    Doctor(Doctor),
    Compare(Compare),
    Bench(Bench),
    Config(Config),
    Completions(Completions),
}

/// Let people meet here.
///
/// Rooms and what was said in them are kept on this machine, and are there again the next time. SIGINT or SIGTERM says
/// goodbye to everyone, waits at most ten seconds for them to be told, and exits with 0; a second one exits at once.
#[derive(Args, Debug)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct Serve {
    /// Where to accept people, over TCP or UDP; may be given several times, port 0 picks a free one [default:
    /// tcp://0.0.0.0:7000 and udp://0.0.0.0:7000]
    #[arg(long, value_name = "URL", value_parser = server)]
    pub(crate) listen: Vec<Address>,
    #[command(flatten)]
    pub(crate) store: Storage,
    /// Let in only those who know the first line of FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// What people on this network find the server as, at most 63 bytes [default: the name of this machine]
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub(crate) name: Option<String>,
    /// Do not tell this network that there is a server: no mDNS, and no answers to probes on UDP port 7001
    #[arg(long)]
    pub(crate) no_announce: bool,
    /// Lift the limits on rate and on links per address: for trusted networks and load tests
    #[arg(long)]
    pub(crate) unlimited: bool,
    /// End when the process PID does, which started this one
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) child_of: Option<u32>,
    /// How log lines on standard error look; RUST_LOG says which there are
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// Enter rooms, read and talk.
///
/// On a terminal this is a screen with rooms, messages and people; ? there lists keys and commands. With --plain, or
/// where standard input or output is no terminal, lines are printed, and each line of standard input is said in the
/// room entered last; /help lists the commands. At the end of standard input it waits until all was stored, and
/// leaves. A lost connection is made anew, and nothing is repeated or missing after it. Where nobody answers over UDP,
/// it says so and goes on trying.
#[derive(Args, Debug)]
#[command(after_help = JOIN_EXAMPLES)]
pub(crate) struct Join {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: that of the settings, or as for
    /// `chat` alone]
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Address>,
    #[command(flatten)]
    pub(crate) talking: Talking,
}

/// How to take part.
#[derive(Args, Debug)]
pub(crate) struct Talking {
    /// A room to enter; may be given several times [default: those of the settings, or
    /// lobby]
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: Vec<RoomName>,
    /// Print one JSON event a line; a line of standard input that begins with { is a JSON request, {"type":"stats"}
    /// one for what was measured
    #[arg(long, conflicts_with = "plain")]
    pub(crate) json: bool,
    /// Over a link that may lose messages, as UDP may: send nothing again, ask for nothing again, and show what comes
    /// as it comes, also twice or out of order; at the end, and by /stats, what was lost. Over TCP it changes nothing
    #[arg(long)]
    pub(crate) raw: bool,
    /// Lines without colours, also on a terminal. What is printed goes above the line being typed, which is drawn again;
    /// not so with TERM=dumb in the environment, for screen readers
    #[arg(long)]
    pub(crate) plain: bool,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// Say one thing in a room and leave.
///
/// Exits with 0 once the message is stored. Gives up after ten seconds without a connection.
#[derive(Args, Debug)]
#[command(after_help = SEND_EXAMPLES)]
pub(crate) struct Send {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Address,
    /// The room to say it in
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: RoomName,
    /// What to say [default: all of standard input, less the newline at its end]
    #[arg(value_name = "TEXT")]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// Print a room and follow it.
///
/// Prints what the room holds from a number on, then what is said there, until interrupted.
#[derive(Args, Debug)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct Tail {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Address,
    /// The room to print
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: RoomName,
    /// Begin after message N; 0 is the beginning [default: the newest 50 messages]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=chat_core::wire::MAX_INTEGER))]
    pub(crate) after: Option<u64>,
    /// Print one JSON event a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// Look for what was said, in every room.
///
/// Prints what has all of WORDS, newest first. A word is found as a word or the beginning of one, without regard to
/// case and accents; of scripts without spaces, characters are found where they stand together. The first argument
/// names the server if it looks like one (it has :// or a dot or ends with a port) and another follows. Exits with 0
/// if something was found and with 1 if nothing was.
#[derive(Args, Debug)]
#[command(after_help = SEARCH_EXAMPLES)]
pub(crate) struct Search {
    /// The words, after the server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: that of the
    /// settings, or tcp://127.0.0.1:7000]
    #[arg(value_name = "[URL] WORDS", required = true)]
    words: Vec<String>,
    /// Only in this room
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: Option<RoomName>,
    /// Only what NAME said
    #[arg(long, value_name = "NAME", value_parser = PersonName::parse)]
    pub(crate) from: Option<PersonName>,
    /// Nothing older than this: 90s, 15m, 2h, 3d, 1w, 2026-11-21 or 2026-11-21T09:30
    #[arg(long, value_name = "WHEN", value_parser = timestamp::parse)]
    pub(crate) since: Option<u64>,
    /// Print at most N
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    /// Print one JSON event a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) person: Person,
}

impl Search {
    /// Where to search, if that is said, and for what.
    ///
    /// # Errors
    /// What is wrong with the server's address.
    pub(crate) fn server_and_words(&self) -> Result<(Option<Address>, String), String> {
        let (first, rest) = self.words.split_first().ok_or("nothing to search for")?;
        match !rest.is_empty() && is_like_a_server(first) {
            true => Ok((Some(server(first)?), rest.join(" "))),
            false => Ok((None, self.words.join(" "))),
        }
    }
}

/// Whether an argument that may be a server or a word is a server.
fn is_like_a_server(raw: &str) -> bool {
    let has_port = raw.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    !raw.contains(char::is_whitespace)
        && (raw.contains("://")
            || raw.contains('.')
            || has_port
            || raw == "localhost"
            || raw.parse::<Ipv6Addr>().is_ok())
}

/// Write down a room.
///
/// Reads the room from the beginning to where it stands, and leaves. Numbers that are no longer held are named in
/// their place.
#[derive(Args, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: that of the settings, or
    /// tcp://127.0.0.1:7000]
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Address>,
    /// The room
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: RoomName,
    /// Nothing older than this: 90s, 15m, 2h, 3d, 1w, 2026-11-21 or 2026-11-21T09:30
    #[arg(long, value_name = "WHEN", value_parser = timestamp::parse)]
    pub(crate) since: Option<u64>,
    /// How it is written
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// Write to FILE, which is there whole or not at all [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// One JSON event a line
    Jsonl,
    /// One line for each message
    Text,
    /// A page for a browser, in one file
    Html,
}

/// Who joins.
#[derive(Args, Clone, Debug)]
pub(crate) struct Person {
    /// The name to be known by [default: that of the settings or the login name, with -2 to -9 after it if it is taken]
    #[arg(long, value_name = "NAME", value_parser = PersonName::parse)]
    pub(crate) name: Option<PersonName>,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// The name from the settings, for where none is said.
    #[arg(skip)]
    pub(crate) usual_name: Option<PersonName>,
}

/// List the servers on this network.
///
/// Looks for them for one and a half seconds, by mDNS and by a probe to UDP port 7001, and prints name, rooms, URLs and
/// software of each. Exits with 1 if there is none. A server that was started with --no-announce is not found.
#[derive(Args, Debug)]
#[command(after_help = DISCOVER_EXAMPLES)]
pub(crate) struct Discover {
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the settings, and where each comes from.
///
/// A setting is read from the environment (CHAT_NAME, CHAT_ROOMS with commas between them, CHAT_SERVER, CHAT_COLOURS,
/// CHAT_NOTIFICATIONS, CHAT_PASSWORD_FILE) or else from the settings file; what the command line says stands above both.
/// `chat serve` has none.
#[derive(Args, Debug)]
#[command(after_help = CONFIG_EXAMPLES)]
pub(crate) struct Config {
    /// Write a settings file with the defaults and what they mean, unless there is one
    #[arg(long)]
    pub(crate) init: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "init")]
    pub(crate) json: bool,
}

/// Print a completion script for a shell.
#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// What is said of a command line that makes no sense in a way that only shows once it is read.
pub(crate) fn usage(why: impl fmt::Display) -> clap::Error {
    Cli::command().error(ErrorKind::ValueValidation, why)
}

/// Reads the address of a server; a bare host, with a port or without, is one on TCP.
pub(crate) fn server(raw: &str) -> Result<Address, String> {
    if raw.contains("://") {
        return raw.parse().map_err(|why: AddressError| why.to_string());
    }
    let number = raw.strip_prefix(':').unwrap_or(raw);
    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("it names no host; write it like 192.168.1.7:{number}")); // 7000 is 0.0.27.88 to some
    }
    bare(raw).map_err(|why| why.to_string())
}

fn server_name(raw: &str) -> Result<String, String> {
    match raw {
        "" => Err("it is empty".to_owned()),
        _ if raw.len() > MAX_NAME => Err(format!("it is longer than {MAX_NAME} bytes")),
        _ if raw.contains(char::is_control) => Err("it has control characters".to_owned()),
        _ => Ok(raw.to_owned()),
    }
}

fn bare(raw: &str) -> Result<Address, AddressError> {
    let has_port = match raw.rsplit_once(':') {
        Some((host, _)) => !host.contains(':') || host.ends_with(']'),
        None => false,
    };
    if raw.parse::<Ipv6Addr>().is_ok() {
        Address::new("tcp", format_args!("[{raw}]:{PORT}"))
    } else if has_port || raw.is_empty() {
        Address::new("tcp", raw)
    } else {
        Address::new("tcp", format_args!("{raw}:{PORT}"))
    }
}

/// The port where none is given.
const PORT: u16 = 7000;

#[cfg(test)]
mod tests;
