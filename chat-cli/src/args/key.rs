//! The command line of `chat key`.

use std::path::PathBuf;

use chat_core::Address;
use clap::{Args, Subcommand};

use super::values::server;

/// Show and move your key, and list the servers that are trusted.
///
/// Your key says who you are: names belong to it. It is made at the first run, for your eyes alone. A server is known by its
/// key too; the key is trusted when the server is met first, and a server that has another key later is not joined.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) action: KeyAction,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Show the fingerprint of your key, the public key, and its file
    Show(Shown),
    /// List the servers that are trusted
    Servers(Shown),
    /// Accept the key that a server has now, in place of any other
    Trust(Trust),
    /// Forget a server: it is trusted again when it is met the next time
    Forget(Forget),
    /// Write your key into a file that a passphrase protects
    Export(Moved),
    /// Take your key from a file that `chat key export` has written
    Import(Imported),
    /// Show the 24 words from which your key can be restored
    Words,
    /// Restore your key from its 24 words, which are read from standard input
    Restore(Replacing),
}

/// How something is shown.
#[derive(Args, Debug)]
pub(crate) struct Shown {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The server whose key is accepted.
#[derive(Args, Debug)]
pub(crate) struct Trust {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Address,
    /// Accept this fingerprint alone, such as `chat serve` shows it on the server's machine
    #[arg(value_name = "FINGERPRINT")]
    pub(crate) fingerprint: Option<String>,
}

/// The server that is forgotten.
#[derive(Args, Debug)]
pub(crate) struct Forget {
    /// Its fingerprint, its name or its address
    #[arg(value_name = "SERVER")]
    pub(crate) server: String,
}

/// A protected file.
#[derive(Args, Debug)]
pub(crate) struct Moved {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The first line of this file is the passphrase [default: asked for on the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// A protected file that becomes the key.
#[derive(Args, Debug)]
pub(crate) struct Imported {
    #[command(flatten)]
    pub(crate) moved: Moved,
    #[command(flatten)]
    pub(crate) replacing: Replacing,
}

/// Whether a key that is there may be replaced.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Replacing {
    /// Replace the key of this account, which is kept beside the new one as `key.old`
    #[arg(long)]
    pub(crate) replace: bool,
}

const EXAMPLES: &str = "\
Examples:
  chat key show
  chat key servers
  chat key trust 192.168.1.7 k7mq-2xvd-n3te-w4ya
  chat key export ana.key
  chat key import ana.key --replace";
