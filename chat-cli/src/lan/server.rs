//! A server that was found on this network and has answered.

use chat_core::{Address, wire};
use chat_discovery::{Found, Hints, ServerId};

use crate::serve::machine_name;

/// A server that answers at one of its URLs.
#[derive(Clone, Debug)]
pub(crate) struct ReachableServer {
    pub(crate) found: Found,
    /// The URL at which the server has answered.
    pub(crate) url: Address,
}

impl ReachableServer {
    /// A server that answers at `url` of this machine and that no announcement has named.
    pub(super) fn unannounced(urls: Vec<Address>, url: Address) -> ReachableServer {
        let (name, software) = (machine_name(), String::new());
        let found = Found {
            id: UNANNOUNCED,
            name,
            software,
            protocol: wire::PROTOCOL,
            rooms: 0,
            hints: Hints::default(),
            urls,
        };
        ReachableServer { found, url }
    }

    /// The name under which the server is announced, if it is.
    pub(super) fn announced_name(&self) -> Option<&str> {
        (self.found.id != UNANNOUNCED).then_some(self.found.name.as_str())
    }
}

/// Stands for the id of a server that is not announced.
const UNANNOUNCED: ServerId = ServerId(0);
