//! The command line of `chat doctor`.

use std::path::PathBuf;

use chat_core::Address;
use clap::Args;

use super::values::server;

/// Find out what works between this machine and a server.
///
/// Checks, step by step, the networks of this machine, multicast, the servers that are found, the host name, TCP and UDP,
/// the version, the clocks, the largest datagram and the round trip, and gives advice on the first failure. Exits with 0
/// if chat works and with 1 if not; a step marked odd is unusual but does no harm.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// The server: HOST or HOST:PORT, which should answer on both TCP and UDP, or a URL such as udp://HOST, which need
    /// not answer on the other one [default: the server of the settings, or the first one found]
    #[arg(value_name = "URL", value_parser = server_arg)]
    pub(crate) server: Option<ServerArg>,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Do not encrypt, and do not check which server it is: for servers that do not encrypt
    #[arg(long)]
    pub(crate) unencrypted: bool,
    /// Print one JSON object for each step and one for the verdict
    #[arg(long)]
    pub(crate) json: bool,
}

/// The server to examine, as given on the command line.
#[derive(Clone, Debug)]
pub(crate) struct ServerArg {
    pub(crate) address: Address,
    /// Whether the user gave a URL, which names one transport, rather than a host.
    pub(crate) has_scheme: bool,
}

fn server_arg(raw: &str) -> Result<ServerArg, String> {
    Ok(ServerArg { address: server(raw)?, has_scheme: raw.contains("://") })
}

const EXAMPLES: &str = "\
Examples:
  chat doctor
  chat doctor 192.168.1.7
  chat doctor udp://192.168.1.7:7000 --json | jq -r 'select(.outcome == \"bad\").text'";
