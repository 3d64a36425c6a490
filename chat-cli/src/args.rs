//! The command line: commands, flags and their help texts.

use std::{fmt, net::Ipv6Addr, path::PathBuf};

use chat_core::{Address, PersonName, RoomName, server::Network};
use chat_discovery::MAX_NAME;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint, error::ErrorKind};
use clap_complete::Shell;

use self::examples::*;
use crate::{storage::Storage, timestamp};

mod bench;
mod bot;
mod compare;
mod doctor;
mod examples;
mod key;
mod person;
mod values;
mod verify;

pub(crate) use bench::Bench;
pub(crate) use bot::Bot;
pub(crate) use compare::{Compare, Conditions, Link};
pub(crate) use doctor::Doctor;
pub(crate) use key::{Key, KeyAction, Moved, Replacing, Trust};
pub(crate) use person::{Person, UsualPassword};
pub(crate) use values::server;
pub(crate) use verify::Verify;

/// Chat on a local network: rooms with history, over any transport.
///
/// Without a command, chat joins the server of the settings, or else searches this network for about a second. If it finds
/// one server, it joins that server. If it finds several, it asks on a terminal (the server used last comes first);
/// elsewhere it joins the server used last. If it finds none, it hosts a server: over TCP and UDP on port 7000 (or free
/// ports if that is taken), with the rooms of `chat serve` and the password of --password-file. A hosted server ends when
/// its host leaves.
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
    Verify(Verify),
    Bot(Bot),
    Discover(Discover),
    Doctor(Doctor),
    Compare(Compare),
    Bench(Bench),
    Key(Key),
    Config(Config),
    Completions(Completions),
}

/// Run a server.
///
/// The server keeps rooms and messages on this machine and has them again after a restart. On SIGINT or SIGTERM it says
/// goodbye to all clients and exits with 0. It ends within three seconds in any case; a second signal ends it at once.
#[derive(Args, Debug)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct Serve {
    /// An address to listen at, over TCP or UDP; may be given several times, port 0 picks a free port [default:
    /// tcp://0.0.0.0:7000 and udp://0.0.0.0:7000]
    #[arg(long, value_name = "URL", value_parser = server)]
    pub(crate) listen: Vec<Address>,
    #[command(flatten)]
    pub(crate) store: Storage,
    /// Require a password from clients: the first line of FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Refuse clients that do not encrypt. Without this flag they are let in as guests, and their names are marked
    #[arg(long)]
    pub(crate) secure_only: bool,
    /// The name under which the server is found on this network, at most 63 bytes [default: the name of this machine]
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub(crate) name: Option<String>,
    /// Do not announce the server on this network: no mDNS, and no answers to probes on UDP port 7001
    #[arg(long)]
    pub(crate) no_announce: bool,
    /// Addresses that many people share, such as a class or an office behind one address: each address of NETWORK gets 16
    /// times the limits of an address. Written like 10.1.0.0/16, 2001:db8::/32 or 192.0.2.7; may be given several times
    #[arg(long, value_name = "NETWORK")]
    pub(crate) shared_network: Vec<Network>,
    /// Turn off the limits on rates, links and sessions, but not that on wrong passwords: for trusted networks and load
    /// tests
    #[arg(long)]
    pub(crate) unlimited: bool,
    /// End when process PID ends, which is the parent of this one
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) child_of: Option<u32>,
    /// The format of log lines on standard error; RUST_LOG sets what is logged
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log: LogFormat,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object per line
    Json,
}

/// Join rooms, read and write.
///
/// On a terminal, a screen shows rooms, messages and people; ? lists its keys and commands. With --plain, or where
/// standard input or output is no terminal, chat prints lines and sends each line of standard input to the room joined
/// last; /help lists the commands. At the end of standard input chat waits until all messages are stored, and leaves. The
/// status is 1 if a line of a file or a program was not said; a text that begins with / is written with // there.
/// Chat restores a lost connection, without repeated or missing messages. If no server answers over UDP, chat says so
/// and keeps trying.
#[derive(Args, Debug)]
#[command(after_help = JOIN_EXAMPLES)]
pub(crate) struct Join {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: the server of the settings, or the
    /// one that `chat` alone joins]
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Address>,
    #[command(flatten)]
    pub(crate) talking: Talking,
}

/// The flags of `chat` and `chat join`.
#[derive(Args, Debug)]
pub(crate) struct Talking {
    /// A room to join; may be given several times [default: the rooms of the settings, or lobby]
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: Vec<RoomName>,
    /// Print one JSON event per line; a line of standard input that begins with { is a JSON request, for example
    /// {"type":"stats"} for connection statistics
    #[arg(long, conflicts_with = "plain")]
    pub(crate) json: bool,
    /// Over UDP: turn off retransmission and repair, and show messages as they arrive, also out of order and, with
    /// --unencrypted, twice. The end of the session, and /stats, show what was lost. No effect over TCP
    #[arg(long)]
    pub(crate) raw: bool,
    /// Print lines without colours, also on a terminal. Lines are printed above the line being typed, which is drawn
    /// again, except with TERM=dumb in the environment, for screen readers
    #[arg(long)]
    pub(crate) plain: bool,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// Send one message to a room and leave.
///
/// Exits with 0 once the message is stored, and with 1 after ten seconds without a connection.
#[derive(Args, Debug)]
#[command(after_help = SEND_EXAMPLES)]
pub(crate) struct Send {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Address,
    /// The room to send the message to
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: RoomName,
    /// The message [default: standard input without its last newline]. A message that looks like an option, such as
    /// --no, comes after --
    #[arg(value_name = "TEXT", allow_hyphen_values = true, value_parser = no_option)]
    text: Option<String>,
    /// The message, whatever it looks like.
    #[arg(last = true, hide = true, conflicts_with = "text")]
    any_text: Option<String>,
    #[command(flatten)]
    pub(crate) person: Person,
}

impl Send {
    /// The message, if the command line has one.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref().or(self.any_text.as_deref())
    }
}

/// A text that is no option that was mistyped.
fn no_option(raw: &str) -> Result<String, String> {
    let is_option = raw.strip_prefix("--").is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(char::is_whitespace)
    });
    match is_option {
        true => Err(format!("there is no option {raw}; a message that looks like one comes after --")),
        false => Ok(raw.to_owned()),
    }
}

/// Print a room and follow it.
///
/// Prints the messages after a given number, then new messages, until interrupted.
#[derive(Args, Debug)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct Tail {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Address,
    /// The room to print
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: RoomName,
    /// Start after message N; 0 is the beginning [default: the newest 50 messages]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=chat_core::wire::MAX_INTEGER))]
    pub(crate) after: Option<u64>,
    /// Print one JSON event per line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// Search messages in all rooms.
///
/// Prints the messages that contain all WORDS, newest first. A word matches a whole word or its beginning; case and
/// accents do not matter. In scripts without spaces, adjacent characters match. The first argument names the server if
/// it looks like one (contains :// or a dot, or ends with a port) and more arguments follow. Exits with 0 if a message
/// was found and with 1 if not.
#[derive(Args, Debug)]
#[command(after_help = SEARCH_EXAMPLES)]
pub(crate) struct Search {
    /// The words, after the server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: the server of
    /// the settings, or tcp://127.0.0.1:7000]
    #[arg(value_name = "[URL] WORDS", required = true, allow_negative_numbers = true)]
    words: Vec<String>,
    /// Only in this room
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: Option<RoomName>,
    /// Only messages of NAME
    #[arg(long, value_name = "NAME", value_parser = PersonName::parse)]
    pub(crate) from: Option<PersonName>,
    /// Only messages since then: 90s, 15m, 2h, 3d, 1w, 2026-11-21 or 2026-11-21T09:30
    #[arg(long, value_name = "WHEN", value_parser = timestamp::parse)]
    pub(crate) since: Option<u64>,
    /// Print at most N messages
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    /// Print one JSON event per line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) person: Person,
}

impl Search {
    /// The server, if one is named, and the words to search for.
    ///
    /// # Errors
    /// The reason why the server's address is invalid.
    pub(crate) fn server_and_words(&self) -> Result<(Option<Address>, String), String> {
        let (first, rest) = self.words.split_first().ok_or("nothing to search for")?;
        match !rest.is_empty() && is_like_a_server(first) {
            true => Ok((Some(server(first)?), rest.join(" "))),
            false => Ok((None, self.words.join(" "))),
        }
    }
}

/// Whether the first argument looks like a server rather than a word.
fn is_like_a_server(raw: &str) -> bool {
    let has_port = raw.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    !raw.contains(char::is_whitespace)
        && (raw.contains("://")
            || raw.contains('.')
            || has_port
            || raw == "localhost"
            || raw.parse::<Ipv6Addr>().is_ok())
}

/// Export a room.
///
/// Reads the room from its beginning to its newest message, and leaves. Gaps (messages that are no longer stored) are
/// shown in their place.
#[derive(Args, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: the server of the
    /// settings, or tcp://127.0.0.1:7000]
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Address>,
    /// The room
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: RoomName,
    /// Only messages since then: 90s, 15m, 2h, 3d, 1w, 2026-11-21 or 2026-11-21T09:30
    #[arg(long, value_name = "WHEN", value_parser = timestamp::parse)]
    pub(crate) since: Option<u64>,
    /// The format of the file
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// Write to FILE, which appears only when it is complete [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// One JSON event per line
    Jsonl,
    /// One line per message
    Text,
    /// One HTML page
    Html,
}

/// List the servers on this network.
///
/// Searches for one and a half seconds, by mDNS and by a probe to UDP port 7001, and prints name, rooms, URLs and software
/// of each server, the fingerprint of its key (known, new, or ANOTHER KEY than its name or address had before), and whether
/// it asks for a password. All of that is what the server claims; joining checks the key. Exits with 1 if there is none. A server started with --no-announce is not found.
#[derive(Args, Debug)]
#[command(after_help = DISCOVER_EXAMPLES)]
pub(crate) struct Discover {
    /// Print one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the settings and the origin of each.
///
/// A setting comes from the environment (CHAT_NAME, CHAT_ROOMS separated by commas, CHAT_SERVER, CHAT_COLOURS,
/// CHAT_NOTIFICATIONS, CHAT_ENCRYPTION, CHAT_PASSWORD_FILE) or else from the settings file; command line flags override both. `chat serve`
/// does not use settings.
#[derive(Args, Debug)]
#[command(after_help = CONFIG_EXAMPLES)]
pub(crate) struct Config {
    /// Create a settings file with the defaults and their meaning, unless the file exists
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

/// The command line as completion scripts are made of it: names of files are completed where a file is meant, and nowhere
/// else.
pub(crate) fn to_complete() -> clap::Command {
    with_hints(Cli::command())
}

fn with_hints(command: clap::Command) -> clap::Command {
    let hinted = command.mut_args(|arg| match arg.get_value_hint() {
        // Bash is told that these are names of files, which may have blanks.
        ValueHint::AnyPath => arg.value_hint(ValueHint::FilePath),
        ValueHint::Unknown if arg.get_action().takes_values() => arg.value_hint(ValueHint::Other),
        _ => arg,
    });
    hinted.mut_subcommands(with_hints)
}

/// A usage error for a command line that clap accepts but that makes no sense.
pub(crate) fn usage(why: impl fmt::Display) -> clap::Error {
    Cli::command().error(ErrorKind::ValueValidation, why)
}

fn server_name(raw: &str) -> Result<String, String> {
    match raw {
        "" => Err("the name is empty".to_owned()),
        _ if raw.len() > MAX_NAME => Err(format!("the name is longer than {MAX_NAME} bytes")),
        _ if raw.contains(char::is_control) => Err("the name has control characters".to_owned()),
        _ => Ok(raw.to_owned()),
    }
}

#[cfg(test)]
mod tests;
