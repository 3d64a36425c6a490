//! The codes by which another machine becomes a part of a person (protocol 21.6).

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{password::Guess, sync::lock};
use crate::{ClientId, KeyId, pake::Responder};

/// The codes that are good now, at most one for each person who is known.
#[derive(Debug, Default)]
pub(super) struct LinkCodes(Mutex<HashMap<KeyId, Issued>>);

struct Issued {
    code: Code,
    /// The request for which it was issued: the same one again is answered by the same code.
    request: (ClientId, u64),
    until: Instant,
    tries: u32,
}

/// Eight digits.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Code(String);

/// A client that proves to know a code.
#[derive(Debug)]
pub(super) struct Linking {
    pub(super) responder: Responder,
    pub(super) person: KeyId,
    pub(super) code: Code,
    /// What the exchange has cost. Dropping it keeps the cost.
    pub(super) guess: Guess,
}

impl LinkCodes {
    /// The code for a request of the person with this first key, and for how long it is good. An earlier code of that
    /// person is good no more.
    pub(super) fn issue(
        &self,
        person: KeyId,
        request: (ClientId, u64),
        random: u128,
        now: Instant,
    ) -> (Code, Duration) {
        let mut codes = lock(&self.0);
        codes.retain(|_, issued| now < issued.until);
        if let Some(issued) = codes.get(&person)
            && issued.request == request
        {
            return (issued.code.clone(), issued.until - now);
        }
        let code = Code(format!("{:08}", random % 100_000_000));
        codes.insert(person, Issued { code: code.clone(), request, until: now + GOOD_FOR, tries: TRIES });
        (code, GOOD_FOR)
    }

    /// Takes one of the tries of a person's code. Returns the code, unless there is none or it was tried too often.
    pub(super) fn try_once(&self, person: KeyId, now: Instant) -> Option<Code> {
        let mut codes = lock(&self.0);
        let issued = codes.get_mut(&person).filter(|issued| now < issued.until && issued.tries > 0)?;
        issued.tries -= 1;
        Some(issued.code.clone())
    }

    /// Uses a code up; false if it is not good any more.
    pub(super) fn use_up(&self, person: KeyId, code: &Code, now: Instant) -> bool {
        let mut codes = lock(&self.0);
        let is_good = codes.get(&person).is_some_and(|issued| issued.code == *code && now < issued.until);
        is_good && codes.remove(&person).is_some()
    }
}

impl Code {
    /// The digits that are proved to be known.
    pub(super) fn digits(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As people read it.
    pub(super) fn in_groups(&self) -> String {
        let (first, second) = self.0.split_at(4);
        format!("{first}-{second}")
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("tries", &self.tries).finish_non_exhaustive()
    }
}

/// For how long a code is good.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// How often a code can be tried.
const TRIES: u32 = 3;
