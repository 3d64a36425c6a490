//! What one direction of a link does to packets: only conditions that are possible exist.

mod quantity;
mod text;

use std::time::Duration;

pub use quantity::{Share, time};

/// What is asked of one direction. The default is a link without any fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long every packet takes, at most [`LONGEST`].
    pub delay: Duration,
    /// Every packet takes up to this much less or more than `delay`, all with the same odds; at most `delay`. A packet
    /// does not overtake those before it for it: where they are closer together than twice the jitter, they wait, and
    /// the mean is above `delay`.
    pub jitter: Duration,
    /// Which packets are lost on the way.
    pub loss: Loss,
    /// How many packets arrive twice; each of both has its own jitter, and the copy is not lost again.
    pub duplicate: Share,
    /// How many packets are held back by `late`, so that those behind them overtake.
    pub reorder: Share,
    /// How much longer a packet that is held back takes, at most [`LONGEST`].
    pub late: Duration,
    /// How many packets have one bit flipped, behind their IP header. Checksums find it, so programs see a loss.
    pub corrupt: Share,
    /// How many bits of IP packets pass in a second; nothing means as many as come.
    pub rate: Option<u64>,
    /// How many bytes may wait for that, the packet that is being sent included; one packet may always be sent.
    /// Nothing means what takes 100 ms to send, and at least two packets of the size of `mtu`.
    pub queue: Option<u64>,
    /// The longest IP packet that passes, in bytes, from 68 on. The sender of a longer one is told, as by a router
    /// (ICMP), and the packet is dropped, never taken apart.
    pub mtu: u16,
    /// When nothing passes at all. What is under way by then still arrives.
    pub outages: Vec<Outage>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::Never,
            duplicate: Share::NEVER,
            reorder: Share::NEVER,
            late: Duration::from_millis(10),
            corrupt: Share::NEVER,
            rate: None,
            queue: None,
            mtu: 1500,
            outages: Vec::new(),
        }
    }
}

/// Which packets are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// None.
    #[default]
    Never,
    /// Every packet with the same odds.
    Even(Share),
    /// Bursts, by Gilbert and Elliott: the link is good or bad, and each packet may change that before its fate is
    /// decided. In the long run it is bad for `begin / (begin + end)` of the packets.
    Bursts {
        /// How likely it becomes bad at a packet.
        begin: Share,
        /// How likely it becomes good again; never is refused.
        end: Share,
        /// How many packets are lost while it is bad.
        bad: Share,
        /// How many are lost while it is good.
        good: Share,
    },
}

impl Loss {
    /// The share of packets that is lost in the long run, from 0 to 1.
    pub fn mean(self) -> f64 {
        match self {
            Self::Never => 0.0,
            Self::Even(share) => share.as_fraction(),
            Self::Bursts { begin, end, bad, good } => {
                let (begin, end) = (begin.as_fraction(), end.as_fraction());
                (begin * bad.as_fraction() + end * good.as_fraction()) / (begin + end)
            }
        }
    }
}

/// A time in which nothing passes, counted from when the condition was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When it begins.
    pub start: Duration,
    /// How long it lasts; more than nothing.
    pub length: Duration,
    /// After which time it begins again, longer than it lasts; nothing means that it comes once.
    pub every: Option<Duration>,
}

impl Outage {
    /// Whether nothing passes at a time, counted from when the condition was set.
    pub fn covers(&self, at: Duration) -> bool {
        let Some(since) = at.checked_sub(self.start) else { return false };
        let since = self.every.map_or(since.as_nanos(), |every| since.as_nanos() % every.as_nanos());
        since < self.length.as_nanos()
    }
}

/// [`Settings`] that are possible. It is written as it is read, like
/// `delay=20ms,jitter=5ms,loss=2%,rate=10mbit,queue=100kB`; `docs/lab.md` has all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition(Settings);

impl Condition {
    /// # Errors
    ///
    /// Something of it is impossible; the first such thing is named.
    pub fn new(settings: Settings) -> Result<Self, Impossible> {
        let Settings { delay, jitter, loss, late, rate, mtu, ref outages, .. } = settings;
        for (name, time) in [("delay", delay), ("reorder", late)] {
            if time > LONGEST {
                return Err(Impossible::TooLong { name });
            }
        }
        if jitter > delay {
            return Err(Impossible::Jitter);
        }
        if matches!(loss, Loss::Bursts { end: Share::NEVER, .. }) {
            return Err(Impossible::EndlessBurst);
        }
        if rate.is_some_and(|rate| rate == 0 || rate > FASTEST) {
            return Err(Impossible::Rate);
        }
        if settings.queue.is_some() && rate.is_none() {
            return Err(Impossible::QueueWithoutRate);
        }
        if mtu < SMALLEST_MTU {
            return Err(Impossible::Mtu(mtu));
        }
        let endless = |it: &Outage| it.length.is_zero() || it.every.is_some_and(|every| every <= it.length);
        if outages.iter().any(endless) {
            return Err(Impossible::Outage);
        }
        Ok(Self(settings))
    }

    /// What was asked.
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    /// How many bytes may wait, where there is a rate.
    pub fn queue(&self) -> Option<u64> {
        let rate = self.0.rate?;
        Some(self.0.queue.unwrap_or_else(|| (rate / 80).max(2 * u64::from(self.0.mtu))))
    }
}

impl TryFrom<Settings> for Condition {
    type Error = Impossible;

    fn try_from(settings: Settings) -> Result<Self, Impossible> {
        Self::new(settings)
    }
}

/// The longest delay there is.
pub const LONGEST: Duration = Duration::from_secs(60);
/// Bits per second.
const FASTEST: u64 = 1_000_000_000_000;
/// What every IPv4 link has to carry (RFC 791).
const SMALLEST_MTU: u16 = 68;

/// Why there is no such condition.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Impossible {
    /// Not between 0 and 100 percent.
    #[error("{0}% is not between 0% and 100%")]
    Share(f64),
    /// A time is above [`LONGEST`].
    #[error("{name}: at most 60s")]
    TooLong {
        /// Which one.
        name: &'static str,
    },
    /// A packet would arrive before it was sent.
    #[error("jitter: not more than delay, or packets arrive before they are sent")]
    Jitter,
    /// A burst of losses would never end.
    #[error("burst: it has to end, with more than 0%")]
    EndlessBurst,
    /// Nothing, or more than can be reckoned with, would pass in a second.
    #[error("rate: from 1bit to 1000gbit; for a link that carries nothing say loss=100%")]
    Rate,
    /// There would be nothing to wait for.
    #[error("queue: only where there is a rate")]
    QueueWithoutRate,
    /// Less than what every link carries.
    #[error("mtu: {0}B is less than the 68B that every link carries")]
    Mtu(u16),
    /// It lasts no time, or as long as the time after which it comes again.
    #[error("outage: longer than nothing, and shorter than the time after which it comes again")]
    Outage,
    /// The text says something that is not known.
    #[error(
        "{0}: unknown; there are delay, jitter, loss, burst, duplicate, reorder, corrupt, rate, queue, mtu and outage"
    )]
    Unknown(String),
    /// The text says something twice.
    #[error("{0}: said twice")]
    Twice(String),
    /// A value of the text cannot be read.
    #[error("{text:?} is not {expected}")]
    Unreadable {
        /// What is there.
        text: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// Something is wrong with the value of this name.
    #[error("{name}: {why}")]
    In {
        /// What the value is of.
        name: String,
        /// What is wrong.
        why: Box<Impossible>,
    },
}

impl Impossible {
    fn unreadable(text: &str, expected: &'static str) -> Self {
        Self::Unreadable { text: text.to_owned(), expected }
    }
}
