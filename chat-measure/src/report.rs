//! The report of a comparison: contestants, conditions, and the figures of each round.

use serde::{Deserialize, Serialize};

use crate::figures::Figures;

/// The report of a comparison. `--json` writes it, and every other output form is made from it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// The program that made the report, and its version.
    pub software: String,
    /// When the comparison began, in milliseconds since 1970.
    pub began: u64,
    /// The seed of all chance. The same seed makes the same messages at the same times, and the same decisions of the
    /// emulated link.
    pub seed: u64,
    /// The kind of link between clients and server.
    pub link: Link,
    /// The conversation's name, such as `meeting`.
    pub scenario: String,
    /// The conversation in words, such as `50 people in 1 room send 40 messages of 20 to 120 bytes a second, for 4 s`.
    pub conversation: String,
    /// How many rounds each contestant has under each condition.
    pub repetitions: usize,
    /// Settings of all contestants: kernel, processors, congestion control and the like.
    pub settings: Vec<Setting>,
    /// The contestants, in the order of the tables.
    pub contestants: Vec<Contestant>,
    /// The conditions of the link.
    pub conditions: Vec<Condition>,
    /// The rounds, in the order in which they were measured.
    pub rounds: Vec<Round>,
    /// Whether the comparison ended before all rounds were measured.
    pub interrupted: bool,
}

/// The kind of link between clients and server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// An emulated link under the named condition.
    Emulated,
    /// The loopback interface; nothing is impaired.
    Loopback,
    /// A real network, to a server that was running already.
    Server,
}

/// A setting that a reader needs to judge whether the comparison is fair.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Setting {
    /// Its name, such as `congestion control`.
    pub name: String,
    /// Its value, such as `cubic`.
    pub value: String,
}

/// A transport that is compared, raw or with repair.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Contestant {
    /// Its name, such as `udp-raw`.
    pub name: String,
    /// The scheme of its transport, such as `udp`.
    pub scheme: String,
    /// Whether losses are not repaired: frames are shown as they arrive.
    pub raw: bool,
    /// Whether its transport promises that every frame arrives once and in order, so that there is nothing to repair.
    pub reliable: bool,
    /// The settings of this contestant.
    pub settings: Vec<Setting>,
}

/// The condition of the link, in both directions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Condition {
    /// From clients to server, such as `delay=10ms,loss=2%`; empty where nothing is impaired.
    pub up: String,
    /// From server to clients.
    pub down: String,
}

/// One conversation of one contestant under one condition.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Round {
    /// Which of [`Report::conditions`].
    pub condition: usize,
    /// Which of [`Report::contestants`].
    pub contestant: usize,
    /// Which of [`Report::repetitions`], from 0 on.
    pub repetition: usize,
    /// The seed of the link and of the messages: the same for all contestants.
    pub seed: u64,
    /// The figures, or why the round failed.
    pub outcome: Result<Figures, String>,
}

impl Report {
    /// The figures of the rounds of a contestant under a condition, without those that failed.
    pub fn of(&self, condition: usize, contestant: usize) -> impl Iterator<Item = &Figures> {
        let these = move |round: &&Round| round.condition == condition && round.contestant == contestant;
        self.rounds.iter().filter(these).filter_map(|round| round.outcome.as_ref().ok())
    }
}
