//! A server that was found on this network and has answered.

use chat_core::Address;
use chat_discovery::Found;

/// A server that answers at one of its URLs.
#[derive(Clone, Debug)]
pub(crate) struct ReachableServer {
    pub(crate) found: Found,
    /// The URL at which the server has answered.
    pub(crate) url: Address,
}
