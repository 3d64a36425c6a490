//! All that a comparison found, as it is written down: who, under which conditions, how often, and what came of it.

use serde::{Deserialize, Serialize};

use crate::Figures;

/// A comparison. It is what `--json` writes, and what every other form is made of.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// The program and its version.
    pub software: String,
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    /// What chance is made of: with the same seed the same things are said at the same times, and the emulated link
    /// decides the same.
    pub seed: u64,
    /// What is between people and server.
    pub link: Link,
    /// The conversation's name, such as `meeting`.
    pub scenario: String,
    /// The conversation in words, such as `50 people in 1 room say 40 messages of 20 to 120 bytes a second, for 4 s`.
    pub conversation: String,
    /// How often each contestant was heard under each condition.
    pub repetitions: usize,
    /// What holds for all contestants: kernel, processors, congestion control and the like.
    pub settings: Vec<Setting>,
    /// Who was compared, in the order of the tables.
    pub contestants: Vec<Contestant>,
    /// Under what.
    pub conditions: Vec<Condition>,
    /// What came of it, in the order in which it was measured.
    pub rounds: Vec<Round>,
    /// Whether it was ended before all was measured.
    pub interrupted: bool,
}

/// What is between people and server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// An emulated link in the condition that is said.
    Emulated,
    /// Nothing; nothing is impaired.
    Loopback,
    /// A real network, to a server that somebody else runs.
    Server,
}

/// Something that was set, for whoever judges whether the comparison is fair.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Setting {
    /// What, such as `congestion control`.
    pub name: String,
    /// To what, such as `cubic`.
    pub value: String,
}

/// One way to carry the conversation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Contestant {
    /// Its name, such as `udp-raw`.
    pub name: String,
    /// The scheme of its transport, such as `udp`.
    pub scheme: String,
    /// Whether nothing is made up for: what comes is shown as it comes.
    pub raw: bool,
    /// Whether its transport promises that all arrives, once and in order, so that there is nothing to repair.
    pub reliable: bool,
    /// What is peculiar to it.
    pub settings: Vec<Setting>,
}

/// What the link does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Condition {
    /// From the people to the server, such as `delay=10ms,loss=2%`; empty where nothing is impaired.
    pub up: String,
    /// The way back.
    pub down: String,
}

/// One conversation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Round {
    /// Which of [`Report::conditions`].
    pub condition: usize,
    /// Which of [`Report::contestants`].
    pub contestant: usize,
    /// Which of [`Report::repetitions`], from 0 on.
    pub repetition: usize,
    /// The seed of its link and of what was said: the same for all contestants.
    pub seed: u64,
    /// What came of it, or why nothing did.
    pub outcome: Result<Figures, String>,
}

impl Report {
    /// The rounds of a contestant under a condition that came to something.
    pub fn of(&self, condition: usize, contestant: usize) -> impl Iterator<Item = &Figures> {
        let these = move |it: &&Round| it.condition == condition && it.contestant == contestant;
        self.rounds.iter().filter(these).filter_map(|it| it.outcome.as_ref().ok())
    }
}
