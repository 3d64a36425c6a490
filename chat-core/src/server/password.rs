//! The password of a server, and the brake on guesses: a host has a few tries, and then one every now and then. A flood of
//! guesses keeps nobody out who comes from another host.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use self::proof::Exchange;
use super::{
    accounts::{Account, Held},
    limits::{Kind, Limits},
    sync::lock,
};
use crate::{
    Runtime,
    bucket::Level,
    transport::Peer,
    wire::{Hello, Prove},
};

mod proof;

pub(super) use proof::Proof;

/// The password a client has to know, if any.
#[derive(Default)]
pub(super) struct Password {
    wanted: Option<String>,
    /// The bucket of wrong passwords of all hosts together.
    wrong: Arc<Mutex<Level>>,
}

/// What a hello has shown.
#[derive(Debug)]
pub(super) enum Shown {
    /// The client knows the password, or needs none.
    Known,
    /// The client has begun to prove the password, and is answered by this.
    Begun(Prove),
}

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Denied {
    /// No password was given, or the link is encrypted and it was not proved.
    Missing,
    /// The password is wrong.
    Wrong,
    /// There were too many wrong ones, so that this one was not looked at; the next one may be after this time.
    TooMany(Duration),
    /// Others from the same address are proving the password at this moment, of whom there may only be so many.
    Busy(Duration),
    /// The link is not encrypted, and comes from another machine.
    InClear,
    /// A share or a tag of another form.
    Malformed,
}

/// A guess that is paid for. Unless it is given back, it counts as a wrong password.
#[derive(Debug)]
pub(super) struct Guess {
    host: Arc<Account>,
    limits: Arc<Limits>,
    /// The bucket of all hosts together, if this guess was taken from it.
    all: Option<Arc<Mutex<Level>>>,
}

impl Password {
    pub(super) fn new(wanted: Option<String>) -> Password {
        Password { wanted, wrong: Arc::default() }
    }

    /// Checks what a client at `peer`, which is on `host`, says in its `hello` about the password. `proof` is what was
    /// proved over this link so far.
    ///
    /// # Errors
    /// Why the client is not let in.
    pub(super) fn check(
        &self,
        hello: &Hello<'_>,
        (peer, host): (&Peer, &Arc<Account>),
        proof: &mut Proof,
        limits: &Arc<Limits>,
        runtime: &dyn Runtime,
    ) -> Result<Shown, Denied> {
        let Some(wanted) = &self.wanted else { return Ok(Shown::Known) };
        if let Some(binding) = &peer.binding {
            return proof.show(hello, |share| {
                let guess = self.guess(host, limits, runtime.now())?;
                let answering = Held::take(host, |host| &host.proofs, 1, usize::MAX);
                Exchange::new(wanted, binding, runtime, share, (guess, answering)).ok_or(Denied::Wrong)
            });
        }
        if !peer.local {
            return Err(Denied::InClear);
        }
        let given = hello.password.as_deref().ok_or(Denied::Missing)?;
        let guess = self.guess(host, limits, runtime.now())?;
        if !is_same(wanted, given) {
            return Err(Denied::Wrong);
        }
        guess.give_back();
        Ok(Shown::Known)
    }

    /// Pays for one guess from `host`.
    ///
    /// # Errors
    /// When the host has had too many.
    pub(super) fn guess(
        &self,
        host: &Arc<Account>,
        limits: &Arc<Limits>,
        now: Instant,
    ) -> Result<Guess, Denied> {
        // Held to the end, so that guesses at the same moment are counted one after the other.
        let mut wrong = lock(&self.wrong);
        let of_host = host.wait(limits, Kind::Passwords, now);
        let of_all = limits.passwords.map_or(Duration::ZERO, |rate| wrong.wait(rate, 1, now));
        // However many guess, a host from which no wrong one came has its try.
        let wait = if host.has_all(Kind::Passwords, now) { of_host } else { of_host.max(of_all) };
        if !wait.is_zero() {
            return Err(host.too_many(wait));
        }
        host.charge(limits, Kind::Passwords, 1, now);
        let rate = limits.passwords.filter(|_| of_all.is_zero());
        if let Some(rate) = rate {
            wrong.take(rate, 1, now);
        }
        let all = rate.is_some().then(|| self.wrong.clone());
        Ok(Guess { host: host.clone(), limits: limits.clone(), all })
    }
}

impl Account {
    fn too_many(&self, wait: Duration) -> Denied {
        // What others are about to give back may be all that is missing.
        match self.proofs.load(std::sync::atomic::Ordering::Acquire) {
            0 => Denied::TooMany(wait),
            _ => Denied::Busy(wait.min(ANSWERED_WITHIN)),
        }
    }
}

impl Guess {
    /// The guess was right, and costs nothing.
    pub(super) fn give_back(self) {
        self.host.give_back(&self.limits, Kind::Passwords, 1);
        if let (Some(all), Some(rate)) = (self.all, self.limits.passwords) {
            lock(&all).give_back(rate, 1);
        }
    }
}

/// Whether the two are the same. Takes the same time wherever they differ.
fn is_same(wanted: &str, given: &str) -> bool {
    let (wanted, given) = (wanted.as_bytes(), given.as_bytes());
    let differ = wanted.iter().zip(given).fold(0, |differ, (a, b)| differ | (a ^ b));
    wanted.len() == given.len() && differ == 0
}

/// How long a client may take that knows the password to answer the server's proof.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
