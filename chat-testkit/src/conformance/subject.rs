//! A transport under test, and the runtime that its checks run on.

use std::{
    fmt, process,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use chat_core::{
    Address, Runtime, SharedRuntime,
    transport::{BoxLink, Dialled, Listening, Promises, Transport, Transports},
};
use futures::{FutureExt, executor::block_on, future::BoxFuture};

use crate::{time::within, virtual_time::VirtualTime};

/// What is held to the suite: a transport, the address where it may listen, and a runtime.
pub struct Subject {
    pub(super) runtime: SharedRuntime,
    pub(super) transports: Transports,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) address: Address,
    /// The runtime again, if the subject brought it.
    time: Option<VirtualTime>,
    tasks: Arc<AtomicUsize>,
}

impl Subject {
    /// A transport that `make` makes for a runtime that counts its tasks. It listens at `address`, in which `{n}` becomes a
    /// number of this subject's own.
    ///
    /// # Panics
    /// When that is no address.
    pub fn new<T: Transport>(
        runtime: SharedRuntime,
        make: impl FnOnce(SharedRuntime) -> T,
        address: &str,
    ) -> Subject {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = format!("{}{:03}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let address: Address =
            address.replace("{n}", &number).parse().expect("the suite is given an address");
        let tasks = Arc::new(AtomicUsize::new(0));
        let counted = Counted { runtime: runtime.clone(), tasks: tasks.clone() };
        let transport = Arc::new(make(Arc::new(counted)));
        let transports = Transports::new().with(address.scheme(), Shared(transport.clone()));
        Subject { runtime, transports, transport, address, time: None, tasks }
    }

    /// The same in virtual time, in which a check that waits takes no time. For transports without sockets.
    ///
    /// # Panics
    /// When `address` is none.
    pub fn in_virtual_time<T: Transport>(
        seed: u64,
        make: impl FnOnce(SharedRuntime) -> T,
        address: &str,
    ) -> Subject {
        let time = VirtualTime::new(seed);
        let subject = Subject::new(time.shared(), make, address);
        Subject { time: Some(time), ..subject }
    }

    pub(super) fn promises(&self) -> Promises {
        self.transport.promises()
    }

    pub(super) async fn listen(&self) -> Listening {
        self.transport.listen(&self.address).await.expect("the transport listens at the address it was given")
    }

    pub(super) async fn dial(&self, address: &Address) -> BoxLink {
        self.connect(address).await.link
    }

    pub(super) async fn connect(&self, address: &Address) -> Dialled {
        self.transport.connect(address).await.expect("a listener can be dialled at the address it gave")
    }

    pub(super) async fn pause(&self, span: Duration) {
        self.runtime.sleep_until(self.runtime.now() + span).await;
    }

    /// How many tasks of the transport live.
    pub(super) fn tasks(&self) -> usize {
        self.tasks.load(Ordering::Relaxed)
    }
}

impl Clone for Subject {
    fn clone(&self) -> Subject {
        Subject {
            runtime: self.runtime.clone(),
            transports: self.transports.clone(),
            transport: self.transport.clone(),
            address: self.address.clone(),
            time: self.time.clone(),
            tasks: self.tasks.clone(),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Runs one check to its end.
///
/// # Panics
/// When the check fails or takes more than 20 seconds.
pub fn run(subject: &Subject, check: impl AsyncFnOnce(&Subject)) {
    let in_time = within(&subject.runtime, DEADLINE, check(subject));
    let done = match &subject.time {
        None => block_on(in_time),
        Some(time) => {
            let _ended = Ended(time);
            time.run(in_time)
        }
    };
    done.unwrap_or_else(|| panic!("the check was not done after {DEADLINE:?}"));
}

/// Ends a virtual time, whose tasks would otherwise keep it alive.
struct Ended<'a>(&'a VirtualTime);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The transport once more, as the registry of transports owns what it is given.
struct Shared(Arc<dyn Transport>);

impl Transport for Shared {
    fn promises(&self) -> Promises {
        self.0.promises()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        self.0.settings()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, std::io::Result<Listening>> {
        self.0.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, std::io::Result<BoxLink>> {
        self.0.dial(address)
    }

    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, std::io::Result<Dialled>> {
        self.0.connect(address)
    }
}

/// A runtime that counts the tasks that live on it.
struct Counted {
    runtime: SharedRuntime,
    tasks: Arc<AtomicUsize>,
}

impl Runtime for Counted {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let alive = Alive::new(&self.tasks);
        let counted = async move {
            task.await;
            drop(alive);
        };
        self.runtime.spawn(counted.boxed());
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    fn wall_clock(&self) -> SystemTime {
        self.runtime.wall_clock()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.runtime.sleep_until(deadline)
    }

    fn random(&self) -> u128 {
        self.runtime.random()
    }
}

/// Counts as one until it is dropped.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(tasks: &Arc<AtomicUsize>) -> Alive {
        tasks.fetch_add(1, Ordering::Relaxed);
        Alive(tasks.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long one check may take. All of them take well under a second where nothing hangs.
const DEADLINE: Duration = Duration::from_secs(20);
