//! The budget for creating rooms: each host and each person may create so many at once and then so many a minute.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::sync::lock;
use crate::{KeyId, Rate, bucket::Bucket};

/// The budgets of all hosts and people that have created rooms of late.
#[derive(Debug)]
pub(super) struct RoomBudget {
    rate: Option<Rate>,
    spent: Mutex<HashMap<Spender, Bucket>>,
}

/// A spender has one budget, however many sessions it opens.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Spender {
    /// A host, which many people may share.
    Host(String),
    /// A person whose key is known.
    Key(KeyId),
    /// Another person, by the skeleton of the name.
    Name(String),
}

impl RoomBudget {
    /// Budgets that fill at `rate`; without one they are endless.
    pub(super) fn new(rate: Option<Rate>) -> RoomBudget {
        RoomBudget { rate, spent: Mutex::default() }
    }

    /// Spends one room of each of these budgets, or of none.
    ///
    /// # Errors
    /// The time until the emptiest of them has one.
    pub(super) fn spend(
        &self,
        spenders: impl IntoIterator<Item = Spender>,
        now: Instant,
    ) -> Result<(), Duration> {
        if self.rate.is_none() {
            return Ok(());
        }
        let mut spent = lock(&self.spent);
        let mut left = Vec::new();
        let mut wait = Duration::ZERO;
        for spender in spenders {
            let mut bucket = spent.get(&spender).cloned().unwrap_or_else(|| Bucket::new(self.rate));
            wait = wait.max(bucket.take(now).err().unwrap_or_default());
            left.push((spender, bucket));
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        spent.extend(left);
        if spent.len() >= spent.capacity() {
            spent.retain(|_, bucket| !bucket.is_full(now)); // before the map would grow
        }
        Ok(())
    }
}
