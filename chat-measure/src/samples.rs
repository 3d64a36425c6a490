//! The samples that one client records during a conversation. The figures are computed from them afterwards.

use std::time::Duration;

use chat_core::client::Stats;

/// What one client sent and received. Times are counted from the beginning of the conversation.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// The client's room.
    pub(crate) room: usize,
    /// From dialling until the client had joined its room.
    pub(crate) joined_after: Duration,
    /// Links that failed.
    pub(crate) lost_links: u64,
    /// The messages that the client sent: the number of each, and when it was due.
    pub(crate) said: Vec<(u32, Duration)>,
    /// The deliveries of other clients' messages, in the order in which they were shown.
    pub(crate) deliveries: Vec<Delivery>,
    /// The client's own statistics when the conversation began.
    pub(crate) before: Stats,
    /// The client's own statistics when the conversation ended.
    pub(crate) after: Stats,
}

/// A message that was shown to one reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// The message's number in the plan.
    pub(crate) number: u32,
    /// The message's sequence number in the room.
    pub(crate) seq: u64,
    /// The length of the text, in bytes.
    pub(crate) bytes: usize,
    /// When the message was shown.
    pub(crate) at: Duration,
}
