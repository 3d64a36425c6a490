//! The server that a measurement dials, and how clients reach it.

use std::{fmt, sync::Arc};

use chat_core::{Address, SharedRuntime, transport::Transport};

/// The server that a measurement dials, and how clients reach it.
#[derive(Clone)]
pub struct TargetServer {
    /// The transport that carries the conversation.
    pub transport: Arc<dyn Transport>,
    /// The server's address, as clients dial it.
    pub address: Address,
    /// The server's password, if it has one.
    pub password: Option<String>,
    /// The beginning of the names of all clients and rooms, made of letters, digits and `-`. It has to be chosen so that
    /// other users of the server do not have the same names.
    pub prefix: String,
    /// The runtime that the clients run on.
    pub runtime: SharedRuntime,
}

impl TargetServer {
    pub(crate) fn client_name(&self, client: usize) -> String {
        format!("{}{client}", self.prefix)
    }

    pub(crate) fn room_name(&self, room: usize) -> String {
        format!("{}room-{room}", self.prefix)
    }
}

impl fmt::Debug for TargetServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetServer").field("address", &self.address).finish_non_exhaustive()
    }
}
