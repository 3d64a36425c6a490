//! Who is served, who waits, and who is turned away: so many at once, one after the other for each caller.

use std::collections::{HashSet, VecDeque};

use super::ears::{Call, Caller};

/// The desk at which calls come in.
#[derive(Debug)]
pub(crate) struct Desk {
    at_once: usize,
    /// How many calls may wait in all, and of one caller.
    most_waiting: (usize, usize),
    served: HashSet<Caller>,
    waiting: VecDeque<Call>,
    /// Those who have been told that they are.
    turned_away: HashSet<Caller>,
}

/// What becomes of a call.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// It is served now.
    Now(Call),
    /// It waits.
    Later,
    /// There is no place to wait, which its caller is to be told.
    TurnedAway(Caller),
    /// The same, and its caller knows.
    TurnedAwayAgain,
}

impl Desk {
    /// A desk that serves `at_once` callers; further calls wait.
    pub(crate) fn new(at_once: usize) -> Desk {
        Desk {
            at_once,
            most_waiting: (WAITING, WAITING_OF_ONE),
            served: HashSet::new(),
            waiting: VecDeque::new(),
            turned_away: HashSet::new(),
        }
    }

    /// The same without a place to wait.
    pub(crate) fn without_queue(at_once: usize) -> Desk {
        Desk { most_waiting: (0, 0), ..Desk::new(at_once) }
    }

    pub(crate) fn comes(&mut self, call: Call) -> Turn {
        if self.served.len() < self.at_once && !self.served.contains(&call.caller) {
            self.served.insert(call.caller.clone());
            return Turn::Now(call);
        }
        let (in_all, of_one) = self.most_waiting;
        let waiting = self.waiting.iter().filter(|it| it.caller == call.caller).count();
        if self.waiting.len() < in_all && waiting < of_one {
            self.waiting.push_back(call);
            return Turn::Later;
        }
        match self.turned_away.insert(call.caller.clone()) {
            true => Turn::TurnedAway(call.caller),
            false => Turn::TurnedAwayAgain,
        }
    }

    /// `caller` has been served. Returns who is next.
    pub(crate) fn goes(&mut self, caller: &Caller) -> Option<Call> {
        self.served.remove(caller);
        self.turned_away.clear();
        let next = self.waiting.iter().position(|it| !self.served.contains(&it.caller))?;
        let call = self.waiting.remove(next)?;
        self.served.insert(call.caller.clone());
        Some(call)
    }
}

/// Calls that wait.
const WAITING: usize = 64;
/// Calls that wait of one caller, so that nobody takes all the places.
const WAITING_OF_ONE: usize = 8;

#[cfg(test)]
mod tests {
    use chat_core::{PersonName, RoomName};

    use super::*;

    fn call(who: &str, text: &str) -> Call {
        let (room, person) = (RoomName::inbox(), PersonName::parse(who).unwrap());
        Call { caller: Caller { room, person }, text: text.to_owned() }
    }

    #[test]
    fn so_many_are_served_and_each_caller_in_order() {
        let mut desk = Desk::new(2);
        assert_eq!(desk.comes(call("ana", "1")), Turn::Now(call("ana", "1")));
        assert_eq!(desk.comes(call("ana", "2")), Turn::Later);
        assert_eq!(desk.comes(call("bob", "1")), Turn::Now(call("bob", "1")));
        assert_eq!(desk.comes(call("cleo", "1")), Turn::Later);
        assert_eq!(desk.goes(&call("bob", "").caller), Some(call("cleo", "1")), "ana is still served");
        assert_eq!(desk.goes(&call("ana", "").caller), Some(call("ana", "2")));
        assert_eq!(desk.goes(&call("ana", "").caller), None);
    }

    #[test]
    fn whoever_finds_no_place_to_wait_is_told_once() {
        let mut desk = Desk::new(1);
        assert!(matches!(desk.comes(call("ana", "0")), Turn::Now(_)));
        for _ in 0..WAITING_OF_ONE {
            assert_eq!(desk.comes(call("ana", "1")), Turn::Later);
        }
        assert_eq!(desk.comes(call("ana", "2")), Turn::TurnedAway(call("ana", "").caller));
        assert_eq!(desk.comes(call("ana", "3")), Turn::TurnedAwayAgain);
        assert_eq!(desk.comes(call("bob", "1")), Turn::Later, "others have their own places");
        for who in 0..WAITING {
            desk.comes(call(&format!("p{who}"), "1"));
        }
        assert_eq!(desk.comes(call("dan", "1")), Turn::TurnedAway(call("dan", "").caller));
        assert_eq!(desk.goes(&call("ana", "").caller), Some(call("ana", "1")));
        assert_eq!(desk.comes(call("ana", "2")), Turn::Later, "there is a place again");
    }

    #[test]
    fn without_a_queue_nobody_waits() {
        let mut desk = Desk::without_queue(1);
        assert!(matches!(desk.comes(call("ana", "1")), Turn::Now(_)));
        assert!(matches!(desk.comes(call("bob", "1")), Turn::TurnedAway(_)));
        assert_eq!(desk.goes(&call("ana", "").caller), None);
        assert!(matches!(desk.comes(call("bob", "2")), Turn::Now(_)));
    }
}
