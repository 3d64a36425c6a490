//! The attachment of a link to a session.

use std::sync::Arc;

use super::state::Session;
use crate::transport::Binding;

/// The attachment of a link to a session, for which the link speaks until it is superseded.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) session: Arc<Session>,
    pub(crate) link: u64,
    /// What names the handshake of the link, if it is encrypted.
    pub(crate) binding: Option<Binding>,
    /// Whether the session existed before the link.
    pub(crate) resumed: bool,
}
