//! The dice that are cast for every frame: how often it arrives, not at all included.

/// How likely what is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Odds {
    /// How many of a hundred frames are lost.
    pub loss: u8,
    /// How many are lost in a row on average (Gilbert and Elliott); 0 and 1: each has a fate of its own.
    pub burst: u8,
    /// How many of a hundred frames that are not lost arrive more than once.
    pub duplicate: u8,
    /// How many times more at most; once more if it is 0.
    pub copies: u8,
}

/// The fate of one frame after the other.
#[derive(Clone, Debug)]
pub struct Dice {
    odds: Odds,
    /// In the middle of a burst: the next one is lost.
    bad: bool,
}

impl Dice {
    /// Dice that were not cast yet.
    pub fn new(odds: Odds) -> Dice {
        Dice { odds, bad: false }
    }

    /// How often the next frame arrives. The dice fall the same number of times for every frame: one more of this
    /// does not change all of that.
    pub fn cast(&mut self, rng: &mut fastrand::Rng) -> u8 {
        let lost = self.is_lost(rng);
        let doubled = rng.u8(0..100) < self.odds.duplicate;
        let more = if self.odds.copies > 1 { rng.u8(1..=self.odds.copies) } else { 1 };
        match (lost, doubled) {
            (true, _) => 0,
            (false, true) => 1 + more,
            (false, false) => 1,
        }
    }

    fn is_lost(&mut self, rng: &mut fastrand::Rng) -> bool {
        let Odds { loss, burst, .. } = self.odds;
        if burst <= 1 || loss >= 100 {
            return rng.u8(0..100) < loss;
        }
        let (roll, loss, burst) = (rng.f64(), f64::from(loss) / 100.0, f64::from(burst));
        let turns = if self.bad { 1.0 / burst } else { loss / (1.0 - loss) / burst };
        self.bad ^= roll < turns;
        self.bad
    }
}
