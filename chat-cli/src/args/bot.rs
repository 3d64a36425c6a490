//! The command line of `chat bot`.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use chat_core::{Address, PersonName, RoomName};
use clap::Args;

use super::{person::Person, values::server};
use crate::duration;

/// Let a program answer messages.
///
/// The bot answers messages in a room that begin with its name (`NAME: text` or `@NAME text`), and all direct messages.
/// For each message CMD is run with the text on its standard input, and with CHAT_FROM, CHAT_ROOM (not for a direct
/// message) and CHAT_BOT in its environment. The output of CMD is the reply, in several messages if it is long; its
/// standard error is that of this command. Messages never become a part of CMD.
///
/// The bot does not answer messages of other bots, or messages from before it joined.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bot {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: the server of the
    /// settings, or tcp://127.0.0.1:7000]
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Address>,
    /// The name of the bot
    #[arg(long, value_name = "NAME", value_parser = PersonName::parse)]
    name: PersonName,
    /// A room to join; may be given several times
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse, required = true)]
    pub(crate) room: Vec<RoomName>,
    /// The program with its arguments: words and quotes as in a shell, without other shell syntax
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: String,
    /// Run CMD by sh -c instead
    #[arg(long)]
    pub(crate) shell: bool,
    /// Keep one program running for each person: each message is a line of its input, and its output is the reply. The
    /// session ends when the program ends, when the person leaves the room, or after --idle without a message
    #[arg(long)]
    pub(crate) session: bool,
    /// In rooms, answer every message that is not from a bot, addressed or not
    #[arg(long)]
    pub(crate) all: bool,
    /// How long the program may take for a message; not with --session
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time, conflicts_with = "session")]
    pub(crate) timeout: Duration,
    /// With --session: how long a person may send no message
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time, requires = "session")]
    pub(crate) idle: Duration,
    /// How much the program may print for one message
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub(crate) max_output: usize,
    /// How many programs may run at once. Further messages wait, at most 64 and at most 8 of one person; with --session
    /// they are refused
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) at_once: u16,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Do not encrypt, and do not check which server it is: for servers that do not encrypt
    #[arg(long)]
    unencrypted: bool,
}

impl Bot {
    /// The person that the bot joins as.
    pub(crate) fn person(&self) -> Person {
        Person {
            name: Some(self.name.clone()),
            password_file: self.password_file.clone(),
            unencrypted: self.unencrypted,
            ..Person::default()
        }
    }
}

fn time(raw: &str) -> Result<Duration, String> {
    match duration::parse(raw)? {
        Duration::ZERO => Err("the time is zero; write it like 10s".to_owned()),
        time => Ok(time),
    }
}

fn size(raw: &str) -> Result<usize, String> {
    let size = raw.parse::<ByteSize>().map_err(|_| "not a size; write it like 64KiB".to_owned())?;
    match usize::try_from(size.as_u64()) {
        Ok(size @ 1..=MOST_OUTPUT) => Ok(size),
        _ => Err("the size must be 1 B to 1 MiB; write it like 64KiB".to_owned()),
    }
}

/// The largest --max-output, in bytes: 128 messages, which a server accepts in half a minute.
const MOST_OUTPUT: usize = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  chat bot --name echo --room lobby --exec 'tr a-z A-Z'
  chat bot 192.168.1.7 --name menu --room lobby --session --exec examples/bots/menu.sh
  chat bot udp://192.168.1.7 --name ops --room ops --exec examples/bots/run-allowed.sh
  chat bot --name count --room lobby --shell --exec 'wc -w | tr -d \" \"'";
