//! The command line of `chat verify`.

use chat_core::{Address, RoomName};
use clap::Args;

use super::{Person, examples::VERIFY_EXAMPLES, values::server};

/// Check that the history of a room was not changed.
///
/// A server signs the history of its rooms. This command checks the signature and the hashes of all messages that the room
/// still has, and that what the server had signed at your earlier checks is a part of them. It keeps the new signature for
/// the next check. The status is 0 if all is well.
#[derive(Args, Debug)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct Verify {
    /// The server: a URL such as udp://HOST, or HOST or HOST:PORT for TCP [default: the server of the
    /// settings, or tcp://127.0.0.1:7000]
    #[arg(value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Address>,
    /// The room
    #[arg(long, value_name = "ROOM", value_parser = RoomName::parse)]
    pub(crate) room: RoomName,
    #[command(flatten)]
    pub(crate) person: Person,
}
