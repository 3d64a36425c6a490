//! The command line of `chat bot`.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use chat_core::{Address, PersonName, RoomName};
use clap::Args;

use super::{Person, server};
use crate::duration;

/// Let a program answer what is said to it.
///
/// It is addressed in a room by its name at the beginning (`NAME: text` or `@NAME text`), and with everything in direct
/// messages, which it answers there. CMD is run for each message: the text on its standard input, CHAT_FROM, CHAT_ROOM
/// (not for a direct message) and CHAT_BOT in its environment. What it prints is said, in several messages if it is
/// long; its standard error goes where that of this command goes. What others say never becomes a part of CMD.
///
/// Messages of other bots are not answered, nor what was said before it came.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bot {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: that of the settings, or
    /// tcp://127.0.0.1:7000]
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Address>,
    /// The name it goes by
    #[arg(long, value_name = "NAME", value_parser = PersonName::parse)]
    name: PersonName,
    /// A room to enter; may be given several times
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse, required = true)]
    pub(crate) room: Vec<RoomName>,
    /// The program that answers, with its arguments: words and quotes as in a shell, but nothing else of one
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: String,
    /// Give CMD to sh -c instead
    #[arg(long)]
    pub(crate) shell: bool,
    /// Keep one program running for each person: a message is a line for it, and what it prints is said. It ends when
    /// the program does, when the person leaves the room, or after a time without a message
    #[arg(long)]
    pub(crate) session: bool,
    /// In the rooms, answer everything that is not said by a bot, addressed or not
    #[arg(long)]
    pub(crate) all: bool,
    /// How long the program may take for a message; not with --session
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time, conflicts_with = "session")]
    pub(crate) timeout: Duration,
    /// With --session: how long somebody may be silent
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time, requires = "session")]
    pub(crate) idle: Duration,
    /// How much the program may print for a message
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub(crate) max_output: usize,
    /// How many programs may run at once. Further messages wait, 64 at most and 8 of one person; with --session they
    /// are refused
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) at_once: u16,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Bot {
    /// Who joins.
    pub(crate) fn person(&self) -> Person {
        Person { name: Some(self.name.clone()), password_file: self.password_file.clone(), usual_name: None }
    }
}

fn time(raw: &str) -> Result<Duration, String> {
    match duration::parse(raw)? {
        Duration::ZERO => Err("that is no time at all; write it like 10s".to_owned()),
        time => Ok(time),
    }
}

fn size(raw: &str) -> Result<usize, String> {
    let size = raw.parse::<ByteSize>().map_err(|_| "it is not a size; write it like 64KiB".to_owned())?;
    match usize::try_from(size.as_u64()) {
        Ok(size @ 1..=MOST_OUTPUT) => Ok(size),
        _ => Err("it has to be 1 B to 1 MiB; write it like 64KiB".to_owned()),
    }
}

/// The most a program may be let print for a message, in bytes. It is 128 messages, half a minute of what a server
/// takes.
const MOST_OUTPUT: usize = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  chat bot --name echo --room lobby --exec 'tr a-z A-Z'
  chat bot 192.168.1.7 --name menu --room lobby --session --exec examples/bots/menu.sh
  chat bot udp://192.168.1.7 --name ops --room ops --exec examples/bots/run-allowed.sh
  chat bot --name count --room lobby --shell --exec 'wc -w | tr -d \" \"'";
