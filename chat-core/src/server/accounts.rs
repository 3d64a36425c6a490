//! Accounts: what each host and each person has cost the server of late, in token buckets that outlive links and
//! sessions. A host or a person has one account, however many links and sessions it opens.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use self::host::{HostKey, Scale};
use super::{
    limits::{Kind, Limits},
    sync::lock,
    turns::HostId,
};
use crate::{KeyId, PersonName, Rate, bucket::Level, transport::Peer};

mod host;

/// The accounts of all hosts and people that are here or were here of late.
#[derive(Debug)]
pub(super) struct Accounts {
    /// What is counted for the whole server.
    everybody: Arc<Account>,
    kept: Mutex<Kept>,
    opened: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    accounts: HashMap<Holder, Arc<Account>>,
    /// With how many accounts those are looked for that can be forgotten.
    sweep_at: usize,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Holder {
    /// A host, which many people may share.
    Host(HostKey),
    /// A person whose key is known.
    Key(KeyId),
    /// Another person, by the skeleton of the name.
    Name(String),
}

/// What one host or one person has cost.
#[derive(Debug)]
pub(super) struct Account {
    number: HostId,
    /// Whether a host or a person has the account.
    of: Of,
    levels: Mutex<[Level; Kind::COUNT]>,
    /// What the host has at present.
    pub(super) links: AtomicUsize,
    pub(super) sessions: AtomicUsize,
    pub(super) rooms: AtomicUsize,
    pub(super) inbox_bytes: AtomicUsize,
    /// How many clients have been sent a proof of the password and have not answered it.
    pub(super) proofs: AtomicUsize,
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of {
    Host(Scale),
    Person,
    Everybody,
}

/// The accounts that pay for what a session does: the host of its newest link, and its person.
#[derive(Clone, Debug)]
pub(super) struct Payers {
    pub(super) host: Arc<Account>,
    pub(super) person: Arc<Account>,
}

/// Something costs more than is left of a budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Spent {
    kind: Kind,
    of: Of,
    /// After which time there is enough.
    pub(super) wait: Duration,
}

impl Default for Accounts {
    fn default() -> Accounts {
        let everybody = Arc::new(Account::new(Of::Everybody, HostId::EXEMPT));
        Accounts { everybody, kept: Mutex::default(), opened: AtomicU64::new(0) }
    }
}

impl Accounts {
    /// The account of the whole server, which counts and limits no rate.
    pub(super) fn everybody(&self) -> &Arc<Account> {
        &self.everybody
    }

    /// The account of the host from which `peer` comes.
    pub(super) fn host(&self, peer: &Peer, limits: &Limits, now: Instant) -> Arc<Account> {
        let key = HostKey::of(&peer.host);
        let scale = Scale::of(&key, peer.local, limits);
        self.open(Holder::Host(key), Of::Host(scale), now)
    }

    /// The account of a person, by the key that the client has proved, or else by name.
    pub(super) fn person(&self, name: &PersonName, key: Option<KeyId>, now: Instant) -> Arc<Account> {
        self.open(key.map_or_else(|| Holder::Name(name.skeleton()), Holder::Key), Of::Person, now)
    }

    /// How many accounts are kept.
    pub(super) fn count(&self) -> usize {
        lock(&self.kept).accounts.len()
    }

    fn open(&self, holder: Holder, of: Of, now: Instant) -> Arc<Account> {
        let mut kept = lock(&self.kept);
        match kept.accounts.get(&holder) {
            Some(account) if account.of == of => return account.clone(),
            _ => {}
        }
        if kept.accounts.len() >= kept.sweep_at {
            kept.sweep(now);
        }
        let number = HostId(self.opened.fetch_add(1, Ordering::Relaxed) + 1);
        let account = Arc::new(Account::new(of, number));
        kept.accounts.insert(holder, account.clone());
        account
    }
}

impl Kept {
    /// Forgets the accounts that are as they were at first, and if that is not enough, all that are not in use.
    fn sweep(&mut self, now: Instant) {
        self.accounts.retain(|_, account| account.is_in_use() || !account.is_full(now));
        if self.accounts.len() >= MAX_ACCOUNTS {
            self.accounts.retain(|_, account| account.is_in_use());
        }
        // Twice as many, so that looking costs little for each account.
        self.sweep_at = (2 * self.accounts.len())
            .clamp(MIN_ACCOUNTS, MAX_ACCOUNTS.max(self.accounts.len() + MIN_ACCOUNTS));
        self.accounts.shrink_to(self.sweep_at);
    }
}

impl Account {
    fn new(of: Of, number: HostId) -> Account {
        Account {
            number,
            of,
            levels: Mutex::default(),
            links: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            rooms: AtomicUsize::new(0),
            inbox_bytes: AtomicUsize::new(0),
            proofs: AtomicUsize::new(0),
        }
    }

    /// The host as one that takes turns with others.
    pub(super) fn host(&self) -> HostId {
        if self.of == Of::Host(Scale::Exempt) { HostId::EXEMPT } else { self.number }
    }

    /// Whether a link, a session or a room holds the account.
    fn is_in_use(self: &Arc<Account>) -> bool {
        Arc::strong_count(self) > 1
    }

    fn is_full(&self, now: Instant) -> bool {
        lock(&self.levels).iter().all(|level| level.is_full(now))
    }

    /// The limit of what the account may hold at a time, where one host may hold `most`.
    pub(super) fn most(&self, most: usize) -> usize {
        match self.of {
            Of::Host(scale) => scale.most(most),
            Of::Person | Of::Everybody => most,
        }
    }

    /// Whether one more refusal is told to the host, and to the program's log.
    pub(super) fn may_be_told(&self, limits: &Limits, now: Instant) -> bool {
        self.spend(limits, &[(Kind::Refusals, 1)], now).is_ok()
    }

    /// Spends all of these costs, or nothing.
    ///
    /// # Errors
    /// Which budget has not enough left.
    pub(super) fn spend(&self, limits: &Limits, costs: &[(Kind, u32)], now: Instant) -> Result<(), Spent> {
        let mut budget = self.budget(limits, costs);
        match budget.longest_wait(now) {
            Some(spent) => Err(spent),
            None => {
                budget.take(now);
                Ok(())
            }
        }
    }

    /// Takes note of what was spent and could not be known before; whoever spends next waits for it.
    pub(super) fn charge(&self, limits: &Limits, kind: Kind, tokens: u32, now: Instant) {
        self.budget(limits, &[(kind, tokens)]).take(now);
    }

    /// Puts back what was charged under the same limits.
    pub(super) fn give_back(&self, limits: &Limits, kind: Kind, tokens: u32) {
        if let Some(rate) = self.rate(limits, kind) {
            lock(&self.levels)[kind as usize].give_back(rate, tokens);
        }
    }

    /// How long to wait until something of this kind may be spent; nothing if that is now.
    pub(super) fn wait(&self, limits: &Limits, kind: Kind, now: Instant) -> Duration {
        self.budget(limits, &[(kind, 1)]).longest_wait(now).map_or(Duration::ZERO, |spent| spent.wait)
    }

    /// Whether nothing of this kind was spent that has not come back.
    pub(super) fn has_all(&self, kind: Kind, now: Instant) -> bool {
        lock(&self.levels)[kind as usize].is_full(now)
    }

    fn budget<'a>(&'a self, limits: &'a Limits, costs: &'a [(Kind, u32)]) -> Budget<'a> {
        let is_limited = costs.iter().any(|(kind, _)| self.rate(limits, *kind).is_some());
        Budget { account: self, limits, costs, levels: is_limited.then(|| lock(&self.levels)) }
    }

    fn rate(&self, limits: &Limits, kind: Kind) -> Option<Rate> {
        match self.of {
            Of::Person => limits.person.of(kind),
            Of::Everybody => None,
            Of::Host(scale) => scale.rate(limits.host.of(kind), kind),
        }
    }
}

/// An account that is being looked at for some costs. It is locked if any of them has a limit.
struct Budget<'a> {
    account: &'a Account,
    limits: &'a Limits,
    costs: &'a [(Kind, u32)],
    levels: Option<MutexGuard<'a, [Level; Kind::COUNT]>>,
}

impl Budget<'_> {
    fn longest_wait(&self, now: Instant) -> Option<Spent> {
        let levels = self.levels.as_ref()?;
        let waits = self.costs.iter().filter_map(|(kind, tokens)| {
            let wait = levels[*kind as usize].wait(self.account.rate(self.limits, *kind)?, *tokens, now);
            (!wait.is_zero()).then_some(Spent { kind: *kind, of: self.account.of, wait })
        });
        waits.max_by_key(|spent| spent.wait)
    }

    fn take(&mut self, now: Instant) {
        let Some(levels) = &mut self.levels else { return };
        for (kind, tokens) in self.costs {
            if let Some(rate) = self.account.rate(self.limits, *kind) {
                levels[*kind as usize].take(rate, *tokens, now);
            }
        }
    }
}

impl Payers {
    /// Spends all of these costs from both accounts, or nothing.
    ///
    /// # Errors
    /// Which budget has not enough left; the one that takes longest, if several have not.
    pub(super) fn spend(&self, limits: &Limits, costs: &[(Kind, u32)], now: Instant) -> Result<(), Spent> {
        // A host's account is locked before a person's, everywhere.
        let mut host = self.host.budget(limits, costs);
        let mut person = self.person.budget(limits, costs);
        let waits = [host.longest_wait(now), person.longest_wait(now)];
        match waits.into_iter().flatten().max_by_key(|spent| spent.wait) {
            Some(spent) => Err(spent),
            None => {
                host.take(now);
                person.take(now);
                Ok(())
            }
        }
    }
}

impl Spent {
    /// Whether it is the budget of this kind.
    pub(super) fn is_of(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// Which limit it is and when to try again, in words for people.
    pub(super) fn message(&self) -> String {
        let what = self.kind.words();
        let whose = match self.of {
            Of::Person | Of::Everybody => "",
            Of::Host(_) => " from your address, which everybody there shares",
        };
        format!("too many {what} of late{whose}; try again in {}", seconds(self.wait))
    }
}

/// A time in words, rounded up.
pub(super) fn seconds(wait: Duration) -> String {
    match wait.as_millis() {
        0..1000 => "a second".to_owned(),
        millis => format!("{} s", millis.div_ceil(1000)),
    }
}

/// Accounts that are kept without a look at them.
const MIN_ACCOUNTS: usize = 64;
/// Accounts in all, besides those of who is here.
const MAX_ACCOUNTS: usize = 1 << 16;

/// Counts one of something that a host holds at a time, and gives it back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    account: Arc<Account>,
    what: fn(&Account) -> &AtomicUsize,
    count: usize,
}

impl Held {
    /// Takes `count` more, unless that makes more than `most`.
    pub(super) fn take(
        account: &Arc<Account>,
        what: fn(&Account) -> &AtomicUsize,
        count: usize,
        most: usize,
    ) -> Option<Held> {
        let most = account.most(most);
        let fits = |held: usize| held.checked_add(count).filter(|held| *held <= most);
        what(account).fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Held { account: account.clone(), what, count })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        (self.what)(&self.account).fetch_sub(self.count, Ordering::AcqRel);
    }
}
