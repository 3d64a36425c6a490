//! The lineage, or run history, of a room: which run of the log gave which numbers.
//!
//! A run lasts from when the log is opened until it is closed. A log that is restored from an older copy gives numbers
//! again that were given before, to other entries. With the run history the log recognises a reader's cursor that is no
//! longer true: the cursor names a run that this file does not know, or a number that a later run has given again.

use std::{collections::HashMap, sync::Arc};

use crate::checksum::Checksum;

/// The runs this file knows, by their random names.
#[derive(Debug)]
pub(crate) struct Runs {
    ordinals: HashMap<u128, u64>,
    current: Run,
}

/// A run: its random name, and its ordinal, which is larger than those of all earlier runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Run {
    pub(crate) ordinal: u64,
    pub(crate) name: u128,
}

impl Run {
    /// The checksum of its row in `runs`.
    pub(crate) fn checksum(self) -> i64 {
        Checksum::of("runs").number(self.ordinal).bytes(&self.name.to_be_bytes()).finish()
    }
}

impl Runs {
    pub(crate) fn new(earlier: impl IntoIterator<Item = Run>, current: Run) -> Runs {
        let mut ordinals: HashMap<u128, u64> = earlier.into_iter().map(|it| (it.name, it.ordinal)).collect();
        ordinals.insert(current.name, current.ordinal);
        Runs { ordinals, current }
    }

    pub(crate) fn current(&self) -> Run {
        self.current
    }

    pub(crate) fn ordinal(&self, name: u128) -> Option<u64> {
        self.ordinals.get(&name).copied()
    }
}

/// The runs of one room, each with the first number it gave. Cheap to clone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lineage {
    spans: Arc<Vec<Span>>,
    /// A hash over all spans and the names of their runs, so that a changed or missing span is noticed.
    chain: i64,
}

/// From `first` on it was `run` that gave the numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) run: u64,
    pub(crate) first: u64,
}

impl Lineage {
    /// The lineage of a room whose past is unknown: every cursor from before `run` is reset.
    pub(crate) fn unknown_before(run: Run) -> Lineage {
        let mut lineage = Lineage::default();
        lineage.begin(run, 1);
        lineage
    }

    /// Notes that `run` gives the number `first` and those after it.
    pub(crate) fn begin(&mut self, run: Run, first: u64) {
        let chain = Checksum::of("spans").number(self.chain.cast_unsigned());
        let chain = chain.number(run.ordinal).bytes(&run.name.to_be_bytes()).number(first);
        self.chain = chain.finish();
        Arc::make_mut(&mut self.spans).push(Span { run: run.ordinal, first });
    }

    pub(crate) fn chain(&self) -> i64 {
        self.chain
    }

    /// The run that gave the newest number.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.spans.last().map(|it| it.run)
    }

    /// Whether entry `seq`, as read in run `ordinal`, is still the entry stored under that number.
    pub(crate) fn holds(&self, ordinal: u64, seq: u64) -> bool {
        let count = self.spans.partition_point(|it| it.first <= seq);
        count.checked_sub(1).is_some_and(|at| self.spans[at].run <= ordinal)
    }
}
