//! The plan of a conversation: which speaker sends which message when, decided from a seed before it begins.

use std::time::Duration;

use crate::scenario::{Conversation, Pace};

/// The plan of a conversation. The same seed makes the same messages at the same times.
#[derive(Clone, Debug)]
pub struct Plan {
    conversation: Conversation,
    seed: u64,
    messages: Vec<PlannedMessage>,
}

/// A message of the plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PlannedMessage {
    pub(crate) due: Duration,
    pub(crate) speaker: usize,
}

impl Plan {
    /// Plans a conversation.
    pub fn new(conversation: Conversation, seed: u64) -> Plan {
        let mut messages = Vec::new();
        if let Pace::Rate { messages: rate, burst } = conversation.pace {
            let mut dice = fastrand::Rng::with_seed(seed);
            let mut begin = 0.0;
            let lasts = conversation.lasts.as_secs_f64();
            loop {
                // The times between bursts are exponential, so busy moments and pauses alternate as they do among people.
                begin -= (1.0 - dice.f64()).ln() * burst as f64 / rate;
                if begin >= lasts {
                    break;
                }
                let speaker = dice.usize(..conversation.speakers);
                let due = Duration::from_secs_f64(begin);
                let nth = |nth: u32| PlannedMessage { due: due + nth * IN_A_ROW, speaker };
                messages.extend((0..dice.u32(1..=2 * burst as u32 - 1)).map(nth));
            }
            messages.retain(|message| message.due < conversation.lasts);
            messages.sort_by_key(|message| message.due);
        }
        Plan { conversation, seed, messages }
    }

    /// The planned conversation.
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// The planned messages in the order in which they are due. Empty where speakers send by a window.
    pub(crate) fn messages(&self) -> &[PlannedMessage] {
        &self.messages
    }

    /// The text of message `number`. It begins with that number.
    pub(crate) fn text(&self, number: u32) -> String {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ (u64::from(number) + 1).wrapping_mul(SPREAD));
        let length = dice.usize(self.conversation.size.clone());
        let mut text = format!("{number}");
        while text.len() < length {
            text.push(' ');
            text.push_str(WORDS[dice.usize(..WORDS.len())]);
        }
        text.truncate(length);
        if text.ends_with(' ') {
            text.replace_range(length - 1.., ".");
        }
        text
    }
}

/// The number at the beginning of a text; `None` if the text is not from a plan.
pub(crate) fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().ok()
}

/// How long a speaker takes from one message of a burst to the next.
const IN_A_ROW: Duration = Duration::from_millis(20);
/// An odd number with well-mixed bits, so that the seeds of neighbouring numbers differ much.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// All words are ASCII, so that a text can be cut anywhere.
const WORDS: &[&str] = &[
    "and", "but", "can", "chat", "coffee", "every", "green", "hello", "idea", "kitchen", "later", "line",
    "lunch", "maybe", "meet", "network", "never", "noon", "one", "packet", "people", "room", "see", "soon",
    "table", "tea", "that", "there", "window", "yes", "you", "zero",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::SCENARIOS;

    fn meeting() -> Conversation {
        SCENARIOS[0].conversation.clone()
    }

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        let (one, same, other) = (Plan::new(meeting(), 7), Plan::new(meeting(), 7), Plan::new(meeting(), 8));
        assert_eq!(one.messages(), same.messages());
        assert_eq!(one.text(3), same.text(3));
        assert_ne!(one.messages(), other.messages());
        assert_ne!(one.text(3), other.text(3));
    }

    #[test]
    fn the_rate_is_as_asked_for() {
        let lasts = Duration::from_secs(500);
        let plan = Plan::new(Conversation { lasts, ..meeting() }, 1);
        let said = plan.messages().len() as f64 / 500.0;
        assert!((38.0..42.0).contains(&said), "{said} messages a second instead of 40");
        assert!(
            plan.messages().is_sorted_by_key(|message| message.due)
                && plan.messages().iter().all(|message| message.due < lasts)
        );
        assert!(
            (0..50).all(|who| plan.messages().iter().any(|message| message.speaker == who)),
            "every speaker speaks"
        );
    }

    #[test]
    fn texts_have_their_length_and_their_number() {
        for size in [10..=10, 10..=300, 8192..=8192] {
            let plan = Plan::new(Conversation { size: size.clone(), ..meeting() }, 5);
            for n in [0, 9, 4_294_967, 99_999_999] {
                let text = plan.text(n);
                assert!(size.contains(&text.len()), "{size:?}: {text}");
                assert_eq!(number(&text), Some(n), "{text}");
            }
        }
        assert_eq!(number("hello 3"), None);
        assert_eq!(number("99999999999 is too much"), None);
    }
}
