//! Turns: work that only so much of may be under way at a time. Hosts that wait take turns, so that a host with many
//! sessions holds up only its own.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{Arc, Mutex},
};

use futures::channel::oneshot;

use super::{
    limits::{PAGES, PAGES_PER_HOST, SEARCHES, SEARCHES_PER_HOST},
    sync::lock,
};

/// The turns of everything that is read from the log.
#[derive(Debug)]
pub(super) struct ReadTurns {
    pub(super) pages: Turns,
    pub(super) searches: Turns,
}

impl Default for ReadTurns {
    fn default() -> ReadTurns {
        ReadTurns {
            pages: Turns::new(PAGES, PAGES_PER_HOST),
            searches: Turns::new(SEARCHES, SEARCHES_PER_HOST),
        }
    }
}

/// Distinguishes the hosts that take turns. All that are exempt from limits, such as the server's own machine, are one.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct HostId(pub(super) u64);

impl HostId {
    /// Those that are exempt.
    pub(super) const EXEMPT: HostId = HostId(0);
}

/// Work of one kind, such as searches.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// How much may be under way in all.
    most: usize,
    /// How much of that may be of one host. Those that are exempt may have all.
    per_host: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// The hosts of which something is under way or waits.
    hosts: BTreeMap<HostId, HostTurns>,
    /// The host that was served last.
    last: HostId,
}

#[derive(Debug, Default)]
struct HostTurns {
    under_way: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The permission to do one piece of work. The next one may begin when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    host: HostId,
    shared: Arc<Shared>,
}

impl Turns {
    pub(super) fn new(most: usize, per_host: usize) -> Turns {
        Turns { shared: Arc::new(Shared { most, per_host, state: Mutex::default() }) }
    }

    /// Waits for the turn of `host`.
    pub(super) async fn take(&self, host: HostId) -> Turn {
        let (granted, turn) = oneshot::channel();
        lock(&self.shared.state).hosts.entry(host).or_default().waiting.push_back(granted);
        self.shared.grant();
        turn.await.expect("a turn that is waited for is granted")
    }
}

impl Shared {
    /// Grants as many turns as there may be.
    fn grant(self: &Arc<Shared>) {
        while let Some((host, granted)) = self.next() {
            // If nobody waits for the turn any more, it is dropped, which gives it back.
            drop(granted.send(Turn { host, shared: self.clone() }));
        }
    }

    /// Takes the next turn for the host whose turn it is.
    fn next(&self) -> Option<(HostId, oneshot::Sender<Turn>)> {
        let mut state = lock(&self.state);
        while state.under_way < self.most {
            let is_next = |(host, turns): (&HostId, &HostTurns)| {
                let most = if *host == HostId::EXEMPT { self.most } else { self.per_host };
                (turns.under_way < most && !turns.waiting.is_empty()).then_some(*host)
            };
            let after = (Bound::Excluded(state.last), Bound::Unbounded);
            let mut in_turn = state.hosts.range(after).chain(state.hosts.range(..=state.last));
            let host = in_turn.find_map(is_next)?;
            let turns = state.hosts.get_mut(&host)?;
            match turns.waiting.pop_front() {
                Some(granted) if !granted.is_canceled() => {
                    turns.under_way += 1;
                    (state.last, state.under_way) = (host, state.under_way + 1);
                    return Some((host, granted));
                }
                _ => state.forget_if_idle(host),
            }
        }
        None
    }
}

impl State {
    fn forget_if_idle(&mut self, host: HostId) {
        if self.hosts.get(&host).is_some_and(|turns| turns.under_way == 0 && turns.waiting.is_empty()) {
            self.hosts.remove(&host);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.shared.state);
            state.under_way -= 1;
            if let Some(turns) = state.hosts.get_mut(&self.host) {
                turns.under_way -= 1;
            }
            state.forget_if_idle(self.host);
        }
        self.shared.grant();
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::BoxFuture};

    use super::*;

    const ONE: HostId = HostId(1);
    const OTHER: HostId = HostId(2);

    /// Somebody who has asked for a turn and is not polled again until looked at.
    fn asks(turns: &Turns, host: HostId) -> BoxFuture<'static, Turn> {
        let turns = turns.clone();
        let mut waits = async move { turns.take(host).await }.boxed();
        match waits.as_mut().now_or_never() {
            Some(turn) => async move { turn }.boxed(),
            None => waits,
        }
    }

    fn has_turn(waits: &mut BoxFuture<'static, Turn>) -> Option<Turn> {
        waits.as_mut().now_or_never()
    }

    #[test]
    fn a_host_with_much_to_do_holds_up_only_its_own() {
        let turns = Turns::new(2, 1);
        let mut first: VecDeque<_> = (0..60).map(|_| asks(&turns, ONE)).collect();
        let mut other = asks(&turns, OTHER);
        let running = has_turn(&mut first[0]).expect("nothing else is under way");
        assert!(has_turn(&mut first[1]).is_none(), "one of a host at a time");
        let others = has_turn(&mut other).expect("another host does not wait for the first one's sixty");
        drop((running, others));
        assert!(has_turn(&mut first[1]).is_some());
    }

    #[test]
    fn hosts_that_wait_take_turns() {
        let turns = Turns::new(1, 1);
        let mut running = has_turn(&mut asks(&turns, ONE));
        let mut ones: VecDeque<_> = (0..3).map(|_| asks(&turns, ONE)).collect();
        let mut others: VecDeque<_> = (0..3).map(|_| asks(&turns, OTHER)).collect();
        let mut order = Vec::new();
        while order.len() < 6 {
            drop(running.take());
            for (host, waiting) in [(ONE, &mut ones), (OTHER, &mut others)] {
                if let Some(turn) = waiting.front_mut().and_then(has_turn) {
                    waiting.pop_front();
                    order.push(host);
                    running = Some(turn);
                    break;
                }
            }
        }
        assert_eq!(order, [OTHER, ONE, OTHER, ONE, OTHER, ONE]);
    }

    #[test]
    fn a_turn_that_nobody_waits_for_any_more_goes_to_the_next() {
        let turns = Turns::new(1, 1);
        let running = has_turn(&mut asks(&turns, ONE));
        let gone = asks(&turns, ONE);
        let granted_and_gone = asks(&turns, OTHER);
        let mut last = asks(&turns, ONE);
        drop(gone);
        drop(running); // the turn goes to the other host, which never looks
        assert!(has_turn(&mut last).is_none());
        drop(granted_and_gone);
        assert!(has_turn(&mut last).is_some());
    }

    #[test]
    fn who_is_exempt_may_have_every_turn() {
        let turns = Turns::new(3, 1);
        let mut here: Vec<_> = (0..4).map(|_| asks(&turns, HostId::EXEMPT)).collect();
        let under_way: Vec<_> = here.iter_mut().filter_map(has_turn).collect();
        assert_eq!(under_way.len(), 3);
    }
}
