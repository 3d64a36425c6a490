//! A room read without repair: whatever comes is shown as it comes, and what the link did to it is counted.

use std::collections::BTreeSet;

use super::stats::Stats;

/// The numbers of one room that did not come, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Raw {
    missing: BTreeSet<u64>,
}

impl Raw {
    /// Takes note that `seq` came, when `cursor` was the largest number so far.
    pub(super) fn note(&mut self, seq: u64, cursor: &mut u64, stats: &mut Stats) {
        if seq > *cursor {
            stats.lost = stats.lost.saturating_add(seq - *cursor - 1);
            self.missing.extend((*cursor + 1..seq).rev().take(MOST_MISSING));
            while self.missing.len() > MOST_MISSING {
                self.missing.pop_first();
            }
            *cursor = seq;
        } else if self.missing.remove(&seq) {
            stats.lost -= 1; // only late
            stats.reordered += 1;
        } else {
            stats.duplicates += 1;
        }
    }
}

/// What is further behind counts as lost for good, and if it comes after all, as come twice.
const MOST_MISSING: usize = 1024;
