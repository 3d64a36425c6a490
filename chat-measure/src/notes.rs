//! What a person notes during a conversation; what it means is found out afterwards.

use std::time::Duration;

use chat_core::client::Stats;

/// What one person did and heard. Times are counted from the beginning of the conversation.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// In which room.
    pub(crate) room: usize,
    /// From dialling until in the room.
    pub(crate) entered_after: Duration,
    /// Links that failed.
    pub(crate) lost_links: u64,
    /// What was said: its number, and when it was due.
    pub(crate) said: Vec<(u32, Duration)>,
    /// What was heard of others, in the order it was shown.
    pub(crate) heard: Vec<Heard>,
    /// What the client had measured when the conversation began.
    pub(crate) before: Stats,
    /// And when it ended.
    pub(crate) after: Stats,
}

/// A message that was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// Its number in the plan.
    pub(crate) number: u32,
    /// Its number in the room.
    pub(crate) seq: u64,
    /// The length of its text, in bytes.
    pub(crate) bytes: usize,
    pub(crate) at: Duration,
}
