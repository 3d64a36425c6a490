//! Why a condition is impossible.

/// Why a condition is impossible.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Impossible {
    /// A share is not between 0 and 100 percent.
    #[error("{0}% is not between 0% and 100%")]
    Share(f64),
    /// A time is above [`LONGEST`](super::LONGEST).
    #[error("{name}: at most 60s")]
    TooLong {
        /// The name of the time.
        name: &'static str,
    },
    /// A packet would arrive before it was sent.
    #[error("jitter: not more than delay, or packets arrive before they are sent")]
    Jitter,
    /// A burst of losses would never end.
    #[error("burst: the share at which it ends has to be above 0%")]
    EndlessBurst,
    /// The rate is 0, or too high for the arithmetic.
    #[error("rate: from 1bit to 1000gbit; for a link that carries nothing use loss=100%")]
    Rate,
    /// A queue without a rate would never hold a packet.
    #[error("queue: only together with a rate")]
    QueueWithoutRate,
    /// The MTU is below the one that every IPv4 link carries.
    #[error("mtu: {0}B is less than the 68B that every link carries")]
    Mtu(u16),
    /// An outage lasts no time, or at least as long as the time after which it repeats.
    #[error("outage: longer than 0s, and shorter than the time after which it repeats")]
    Outage,
    /// The text has an unknown name.
    #[error(
        "{0}: unknown; there are delay, jitter, loss, burst, duplicate, reorder, corrupt, rate, queue, mtu and outage"
    )]
    Unknown(String),
    /// The text has a name twice.
    #[error("{0}: given twice")]
    Twice(String),
    /// A value of the text cannot be read.
    #[error("{text:?} is not {expected}")]
    Unreadable {
        /// The text.
        text: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The value of this name is wrong.
    #[error("{name}: {why}")]
    In {
        /// The name.
        name: String,
        /// What is wrong with its value.
        why: Box<Impossible>,
    },
}

impl Impossible {
    pub(super) fn unreadable(text: &str, expected: &'static str) -> Self {
        Self::Unreadable { text: text.to_owned(), expected }
    }
}
