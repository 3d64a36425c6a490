//! Encrypts the links of any transport (protocol, section 19): both ends prove a key, and what is said between them can be
//! read by nobody else, nor changed, nor said again.
//!
//! [`Secured`] stands between sessions and a transport, and is itself a transport. [`handshake`] and [`record`] are what it
//! does without I/O; the cryptography is that of snow and ring.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::{fmt, io, sync::Arc};

use chat_core::{
    Address, KeyId, SharedRuntime,
    transport::{BoxLink, Dialled, Listening, Promises, Transport},
};
use futures::{FutureExt, TryFutureExt, future::BoxFuture};

pub mod handshake;
pub mod record;
pub mod resumption;

mod message;
mod noise;
mod suite;
mod window;

mod admission;
mod dial;
mod kept_tickets;
mod key;
mod link;
mod listen;
mod plain;
mod signing;
mod tickets;

pub use key::{KeyFileError, StaticKey, fingerprint};
pub use signing::{SigningKey, is_signed};
pub use suite::Suite;
pub use tickets::TicketKeys;

use admission::Admission;
use dial::{Check, Dialling};
use kept_tickets::KeptTickets;
use listen::Acceptor;
use record::Numbers;

/// A transport whose links are those of another one, encrypted.
///
/// ```
/// # use std::sync::Arc;
/// # use chat_core::{memory::Memory, transport::Transports};
/// # use chat_secure::{Secured, StaticKey};
/// # fn transports(runtime: chat_core::SharedRuntime) -> Transports {
/// let key = StaticKey::generate(&*runtime);
/// Transports::new().with("memory", Secured::new(Memory::default(), key, runtime))
/// # }
/// ```
///
/// * Dialling ends with the server's key proved and checked; the link is lost or never made otherwise. A link is never
///   plain because encrypting failed.
/// * A client that was here before comes back by a ticket, which costs both ends less. It proves the same keys.
/// * An accepted link has the peer's key as its `identity`.
/// * Its frames are smaller than those of the transport inside by what a record adds.
/// * Where the transport inside may reorder frames, the first ones may be lost: so this transport then does not promise
///   delivery.
pub struct Secured<T> {
    inner: T,
    key: StaticKey,
    suite: Suite,
    check: Option<Arc<Check>>,
    accepts_plain: bool,
    admission: Arc<Admission>,
    ticket_keys: TicketKeys,
    tickets: Arc<KeptTickets>,
    runtime: SharedRuntime,
}

impl<T: Transport> Secured<T> {
    /// The links of `inner`, at both ends of which this program proves that it has `key`. Dialling takes any server's key.
    pub fn new(inner: T, key: StaticKey, runtime: SharedRuntime) -> Secured<T> {
        Secured {
            inner,
            key,
            suite: Suite::default(),
            check: None,
            accepts_plain: false,
            admission: Arc::default(),
            ticket_keys: TicketKeys::in_memory(runtime.clone()),
            tickets: Arc::default(),
            runtime,
        }
    }

    /// Dials with this suite. A listener speaks all of them.
    #[must_use]
    pub fn with_suite(mut self, suite: Suite) -> Secured<T> {
        self.suite = suite;
        self
    }

    /// Asks `check` about the key of each server that is dialled, before this program's own key is sent. If `check` returns
    /// a reason against the key, dialling fails with that reason.
    #[must_use]
    pub fn with_check(
        mut self,
        check: impl Fn(&Address, KeyId) -> Result<(), String> + Send + Sync + 'static,
    ) -> Secured<T> {
        self.check = Some(Arc::new(check));
        self
    }

    /// Accepts links that are not encrypted as well; their peers have no `identity`. Otherwise they are refused.
    #[must_use]
    pub fn accepting_plain(mut self) -> Secured<T> {
        self.accepts_plain = true;
        self
    }

    /// Gives tickets that are sealed with these keys, so that clients come back by them after a restart too.
    #[must_use]
    pub fn with_ticket_keys(mut self, keys: TicketKeys) -> Secured<T> {
        self.ticket_keys = keys;
        self
    }

    fn numbers(&self) -> Numbers {
        if self.inner.promises().is_lossless() { Numbers::Counted } else { Numbers::Written }
    }

    fn max_frame(&self) -> usize {
        let room = self.inner.promises().max_frame.saturating_sub(self.numbers().overhead());
        room.min(usize::from(u16::MAX))
    }
}

impl<T: Transport> Transport for Secured<T> {
    fn promises(&self) -> Promises {
        let Promises { ordered, .. } = self.inner.promises();
        Promises { ordered, reliable: self.numbers() == Numbers::Counted, max_frame: self.max_frame() }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.inner.settings();
        let shared = self.numbers().shared();
        settings.push(("encryption", format!("{}, records of up to {shared} bytes", self.suite)));
        settings
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        let acceptor = Acceptor {
            key: self.key.clone(),
            tickets: self.ticket_keys.clone(),
            accepts_plain: self.accepts_plain,
            numbers: self.numbers(),
            max_frame: self.max_frame(),
            admission: self.admission.clone(),
            runtime: self.runtime.clone(),
        };
        async move { Ok(listen::secure(self.inner.listen(address).await?, acceptor)) }.boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.connect(address).map_ok(|dialled| dialled.link).boxed()
    }

    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Dialled>> {
        let dialling = Dialling {
            inner: &self.inner,
            key: &self.key,
            suite: self.suite,
            check: self.check.as_deref(),
            tickets: &self.tickets,
            numbers: self.numbers(),
            max_frame: self.max_frame(),
            runtime: &*self.runtime,
        };
        dial::dial(dialling, address).boxed()
    }
}

impl<T: fmt::Debug> fmt::Debug for Secured<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured")
            .field("inner", &self.inner)
            .field("key", &self.key)
            .field("suite", &self.suite)
            .field("accepts_plain", &self.accepts_plain)
            .finish_non_exhaustive()
    }
}
