//! Which run of the log wrote which numbers, so that a reader from another time is told what it has missed.
//!
//! A log that is restored from an older copy goes on under numbers that were given before. Whoever was given one in
//! a run that this file does not know, or one that a later run than theirs has given again, has read another log.

use std::{collections::HashMap, sync::Arc};

use crate::hash::Digest;

/// The runs this file knows, by their random names.
#[derive(Debug)]
pub(crate) struct Runs {
    ordinals: HashMap<u128, u64>,
    current: Run,
}

/// A run, and which one it is: later ones have larger ordinals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Run {
    pub(crate) ordinal: u64,
    pub(crate) name: u128,
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
    /// Over all spans and the names of their runs: one that is changed or missing is noticed.
    chain: i64,
}

/// From `first` on it was `run` that gave the numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) run: u64,
    pub(crate) first: u64,
}

impl Lineage {
    /// Where nothing is known of the past: whoever has read anything before `run` begins anew.
    pub(crate) fn unknown_before(run: Run) -> Lineage {
        let mut lineage = Lineage::default();
        lineage.begin(run, 1);
        lineage
    }

    /// `run` gives `first` and what follows.
    pub(crate) fn begin(&mut self, run: Run, first: u64) {
        let chain = Digest::of("spans").number(self.chain.cast_unsigned());
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

    /// Whether a reader that was given `seq` in run `ordinal` was given what stands there now.
    pub(crate) fn holds(&self, ordinal: u64, seq: u64) -> bool {
        let upto = self.spans.partition_point(|it| it.first <= seq);
        upto.checked_sub(1).is_some_and(|at| self.spans[at].run <= ordinal)
    }
}
