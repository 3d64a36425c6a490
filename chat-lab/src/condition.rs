//! The condition of one direction of a link. Only possible conditions can be made.

mod impossible;
mod quantity;
mod text;

use std::time::Duration;

pub use impossible::Impossible;
pub use quantity::{Share, time};

/// The settings of one direction. The default is a link without any fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long every packet takes, at most [`LONGEST`].
    pub delay: Duration,
    /// Every packet takes up to this much less or more than `delay`, evenly distributed; at most `delay`. Jitter does not
    /// reorder packets: packets that are closer together than twice the jitter wait for those before them, so their mean
    /// delay is above `delay`.
    pub jitter: Duration,
    /// Which packets are lost on the way.
    pub loss: Loss,
    /// The share of packets that arrive twice. Packet and copy each have their own jitter, and the copy is never lost.
    pub duplicate: Share,
    /// The share of packets that are held back by `late`, so that packets behind them overtake.
    pub reorder: Share,
    /// How much longer a packet that is held back takes, at most [`LONGEST`].
    pub late: Duration,
    /// The share of packets that have one bit flipped, behind their IP header. Checksums detect this, so programs see a
    /// loss.
    pub corrupt: Share,
    /// How many bits of IP packets pass per second; `None` means no limit.
    pub rate: Option<u64>,
    /// How many bytes may wait because of the rate, including the packet that is being sent; one packet may always be sent.
    /// `None` means the bytes that take 100 ms to send, but at least two packets of the size of `mtu`.
    pub queue: Option<u64>,
    /// The longest IP packet that passes, in bytes, from 68 on. A longer packet is dropped, never fragmented, and its sender
    /// is told by ICMP, as by a router.
    pub mtu: u16,
    /// When nothing passes at all. Packets that are under way when an outage begins still arrive.
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
    /// Every packet with the same probability.
    Even(Share),
    /// Bursts, by Gilbert and Elliott: the link is good or bad, and each packet may change that before its fate is
    /// decided. In the long run it is bad for `begin / (begin + end)` of the packets.
    Bursts {
        /// The probability at each packet that the link becomes bad.
        begin: Share,
        /// The probability at each packet that the link becomes good again; 0 % is refused.
        end: Share,
        /// The share of packets that are lost while the link is bad.
        bad: Share,
        /// The share of packets that are lost while the link is good.
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
    /// When the outage begins.
    pub start: Duration,
    /// How long the outage lasts; more than zero.
    pub length: Duration,
    /// The time after which the outage begins again, longer than `length`; `None` means that there is only one.
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

/// [`Settings`] that are possible. A condition is printed in the notation in which it is parsed, such as
/// `delay=20ms,jitter=5ms,loss=2%,rate=10mbit,queue=100kB`; `docs/lab.md` describes the notation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition(Settings);

impl Condition {
    /// The condition with these settings.
    ///
    /// # Errors
    ///
    /// A setting is impossible; the error names the first such one.
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

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    /// How many bytes may wait; `None` without a rate.
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

/// The longest possible delay.
pub const LONGEST: Duration = Duration::from_secs(60);
/// Bits per second.
const FASTEST: u64 = 1_000_000_000_000;
/// The packet length that every IPv4 link has to carry (RFC 791).
const SMALLEST_MTU: u16 = 68;
