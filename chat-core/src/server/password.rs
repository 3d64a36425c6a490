//! The password of a server, and the brake on guesses: a host has a few tries, and then one every now and then. A flood of
//! guesses keeps nobody out who comes from another host.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{
    accounts::Account,
    limits::{Kind, Limits},
    sync::lock,
};
use crate::bucket::Level;

/// The password a client has to give, if any.
#[derive(Default)]
pub(super) struct Password {
    wanted: Option<String>,
    /// The bucket of wrong passwords of all hosts together.
    wrong: Mutex<Level>,
}

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Denied {
    /// No password was given.
    Missing,
    /// The password is wrong.
    Wrong,
    /// There were too many wrong ones, so that this one was not looked at; the next one may be after this time.
    TooMany(Duration),
}

impl Password {
    pub(super) fn new(wanted: Option<String>) -> Password {
        Password { wanted, wrong: Mutex::default() }
    }

    /// Checks the password that a client at `host` gives.
    ///
    /// # Errors
    /// Why the client is not let in.
    pub(super) fn check(
        &self,
        given: Option<&str>,
        host: &Account,
        limits: &Limits,
        now: Instant,
    ) -> Result<(), Denied> {
        let Some(wanted) = &self.wanted else { return Ok(()) };
        let Some(given) = given else { return Err(Denied::Missing) };
        // Held to the end, so that tries at the same moment are counted one after the other.
        let mut wrong = lock(&self.wrong);
        let wait = host.wait(limits, Kind::Passwords, now);
        if !wait.is_zero() {
            return Err(Denied::TooMany(wait));
        }
        let wait = limits.passwords.map_or(Duration::ZERO, |rate| wrong.wait(rate, 1, now));
        // However many guess, a host from which no wrong one came has its try.
        if !wait.is_zero() && !host.has_all(Kind::Passwords, now) {
            return Err(Denied::TooMany(wait));
        }
        if is_same(wanted, given) {
            return Ok(());
        }
        host.charge(limits, Kind::Passwords, 1, now);
        if let Some(rate) = limits.passwords {
            wrong.take(rate, u32::from(wait.is_zero()), now);
        }
        Err(Denied::Wrong)
    }
}

/// Whether the two are the same. Takes the same time wherever they differ.
fn is_same(wanted: &str, given: &str) -> bool {
    let (wanted, given) = (wanted.as_bytes(), given.as_bytes());
    let differ = wanted.iter().zip(given).fold(0, |differ, (a, b)| differ | (a ^ b));
    wanted.len() == given.len() && differ == 0
}
