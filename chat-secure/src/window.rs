//! Which numbers of records came already: the window of RFC 6479, blocks of bits in a ring.

/// The numbers of the newest records that came. A number is checked before its record is opened, and marked only after:
/// otherwise a forged record could shut out a real one.
#[derive(Debug)]
pub(crate) struct Window {
    /// The largest number that came.
    newest: u64,
    blocks: [u64; BLOCKS],
}

impl Window {
    pub(crate) fn new() -> Window {
        Window { newest: 0, blocks: [0; BLOCKS] }
    }

    /// Whether a record of this number did not come yet, as far as the window reaches back.
    pub(crate) fn is_new(&self, number: u64) -> bool {
        if number > self.newest {
            return true;
        }
        self.newest - number < WINDOW && self.blocks[block(number)] & bit(number) == 0
    }

    /// Notes that a record of this number came.
    pub(crate) fn mark(&mut self, number: u64) {
        if number > self.newest {
            // The blocks between the newest one and this one hold numbers of long ago.
            let passed = (number / 64 - self.newest / 64).min(BLOCKS as u64);
            for back in 0..passed {
                self.blocks[block(number - 64 * back)] = 0;
            }
            self.newest = number;
        }
        self.blocks[block(number)] |= bit(number);
    }
}

fn block(number: u64) -> usize {
    // The remainder is less than the number of blocks.
    (number / 64 % BLOCKS as u64) as usize
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

/// How far back numbers are known (protocol 19.9).
pub(crate) const WINDOW: u64 = 2048;

/// One block more than the window, as the newest block is not yet full.
const BLOCKS: usize = WINDOW as usize / 64 + 1;

#[cfg(test)]
mod tests;
