//! A room read without repair: entries are shown as they arrive, and losses are counted.

use std::collections::BTreeSet;

use super::stats::Stats;

/// The numbers of one room that are known to be missing.
#[derive(Debug, Default)]
pub(super) struct Raw {
    missing: BTreeSet<u64>,
}

impl Raw {
    /// Counts the arrival of `seq`, when `cursor` was the largest number so far.
    pub(super) fn note(&mut self, seq: u64, cursor: &mut u64, stats: &mut Stats) {
        if seq > *cursor {
            stats.lost = stats.lost.saturating_add(seq - *cursor - 1);
            self.missing.extend((*cursor + 1..seq).rev().take(MAX_MISSING));
            while self.missing.len() > MAX_MISSING {
                self.missing.pop_first();
            }
            *cursor = seq;
        } else if self.missing.remove(&seq) {
            stats.lost -= 1; // the entry was only late
            stats.reordered += 1;
        } else {
            stats.duplicates += 1;
        }
    }
}

/// How many missing numbers are remembered. An older one counts as lost for good, and as a duplicate if it arrives.
const MAX_MISSING: usize = 1024;
