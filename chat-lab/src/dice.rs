//! Random decisions about packets that follow from the seed and the packet's number alone, without any state.

use crate::direction::Direction;

/// The random decisions of one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice {
    seed: u64,
}

/// The kinds of decisions. Each has random numbers of its own, so that no decision changes another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    Burst,
    Loss,
    Duplicate,
    Reorder,
    Corrupt,
    Bit,
    Jitter,
    JitterOfCopy,
}

impl Dice {
    pub(crate) fn new(seed: u64, direction: Direction) -> Self {
        Self { seed: mix(seed ^ mix(1 + direction as u64)) }
    }

    /// A uniformly random number of 64 bits: the `number`th of SplitMix64, from a start of its own.
    pub(crate) fn draw(self, about: Decision, number: u64) -> u64 {
        let start = mix(self.seed ^ mix(101 + about as u64));
        mix(start.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }
}

/// The output function of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
