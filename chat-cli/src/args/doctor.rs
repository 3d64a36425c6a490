//! The command line of `chat doctor`.

use std::path::PathBuf;

use chat_core::Address;
use clap::Args;

use super::server;

/// Find out what works between here and a server.
///
/// Looks, step by step, at the networks of this machine, multicast, the servers that are found, the name, TCP and UDP,
/// the version, the clocks, the largest datagram and the round trip, and says what to do about the first thing that does
/// not work. Exits with 0 if one can chat and with 1 if not; what is odd does no harm.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// The server: HOST or HOST:PORT, which is expected on TCP and UDP, or a URL such as udp://HOST, whose other way may
    /// be missing [default: that of the settings, or the first that is found]
    #[arg(value_name = "URL", value_parser = asked)]
    pub(crate) server: Option<Asked>,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Print one JSON object for each step, and one for the verdict
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a doctor is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) address: Address,
    /// Whether one way to it was named, rather than its host.
    pub(crate) is_one_way: bool,
}

fn asked(raw: &str) -> Result<Asked, String> {
    Ok(Asked { address: server(raw)?, is_one_way: raw.contains("://") })
}

const EXAMPLES: &str = "\
Examples:
  chat doctor
  chat doctor 192.168.1.7
  chat doctor udp://192.168.1.7:7000 --json | jq -r 'select(.outcome == \"bad\").text'";
