//! The state of the last search, which can go on further back.

use chat_core::words::Query;

/// The last search.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) words: String,
    pub(super) query: Query,
    /// The request whose answer has not come yet.
    pub(super) tag: Option<u64>,
    /// Where the search goes on.
    pub(super) more: Option<u64>,
    /// Whether the page asked for is not the first one.
    pub(super) goes_on: bool,
}
