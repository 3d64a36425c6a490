//! People who talk, each a client of the project's own that keeps what is not answered yet through every restart.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chat_core::{
    Address, ClientId, SharedRuntime,
    client::{self, Config, Remote},
    wire::{History, Join, Post, RequestBody},
};
use futures::{FutureExt, StreamExt};

use super::{Bench, eventually, notes::Notes};

/// Who talks, and how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) people: usize,
    pub(super) rooms: usize,
    /// Messages, of all together.
    pub(super) per_second: u32,
    /// The longest text, in bytes.
    pub(super) longest: usize,
    pub(super) seed: u64,
}

/// People who talk until this is dropped.
#[derive(Debug)]
pub(super) struct Crowd {
    people: Vec<Arc<Person>>,
    rooms: Vec<String>,
}

#[derive(Debug, Default)]
struct Person {
    notes: Mutex<Notes>,
    is_quiet: AtomicBool,
    is_to_look_back: AtomicBool,
    is_to_leave: AtomicBool,
}

impl Crowd {
    /// Lets them in, in turn at each of `addresses`; each is in all rooms and talks in them in turn.
    pub(super) fn start(bench: &Bench, addresses: &[Address], talk: Talk) -> Result<Crowd, String> {
        let rooms: Vec<String> = (0..talk.rooms).map(|it| format!("room{it}")).collect();
        let mut people = Vec::new();
        for number in 0..talk.people {
            let address = &addresses[number % addresses.len()];
            let person = Arc::new(Person::default());
            let name = format!("person{number}");
            person.notes().name.clone_from(&name);
            let seed = talk.seed ^ number as u64;
            let client = ClientId(bench.runtime.random());
            let config = Config { name, client, password: None, seed, raw: false };
            let transport = bench.transports.get(address).map_err(|error| error.to_string())?;
            let (remote, mut updates) =
                client::start(config, transport, address.clone(), bench.runtime.clone());
            let hears = person.clone();
            bench.runtime.spawn(
                async move {
                    while let Some(update) = updates.next().await {
                        hears.notes().hear(update);
                    }
                }
                .boxed(),
            );
            let talks = person.clone().live(bench.runtime.clone(), remote, rooms.clone(), talk, seed);
            bench.runtime.spawn(talks.boxed());
            people.push(person);
        }
        Ok(Crowd { people, rooms })
    }

    pub(super) fn rooms(&self) -> &[String] {
        &self.rooms
    }

    /// What everybody has noted so far.
    pub(super) fn notes(&self) -> Vec<Notes> {
        self.people.iter().map(|it| it.notes().clone()).collect()
    }

    /// Something about everybody's notes, without a copy of them.
    pub(super) fn count(&self, count: impl Fn(&Notes) -> usize) -> usize {
        self.people.iter().map(|it| count(&it.notes())).sum()
    }

    /// Waits until `more` messages were acknowledged that were said from now on.
    pub(super) fn flows(&self, more: usize, limit: Duration) -> Result<(), String> {
        let now = Instant::now();
        eventually("messages are acknowledged", limit, || {
            let newest = |it: &Notes| {
                it.said.iter().rev().take_while(|it| it.asked >= now).filter(|it| it.is_acked()).count()
            };
            (self.count(newest) >= more).then_some(())
        })
    }

    pub(super) fn talk(&self, is_talking: bool) {
        self.people.iter().for_each(|it| it.is_quiet.store(!is_talking, Ordering::Release));
    }

    /// Everybody asks for the page of history before the newest, once.
    pub(super) fn look_back(&self) {
        self.people.iter().for_each(|it| it.is_to_look_back.store(true, Ordering::Release));
    }

    /// Nobody says anything more, and everything is answered, and everybody sees all of it, if `limit` is enough.
    pub(super) fn settle(&self, limit: Duration) -> Result<(), String> {
        self.talk(false);
        eventually("everything is answered", limit, || {
            let open = self.count(|it| it.said.iter().rev().filter(|it| it.answered.is_none()).count());
            (open == 0).then_some(())
        })?;
        eventually("everybody sees the same", limit, || {
            let same = |room: &String| {
                let mut ends = self
                    .people
                    .iter()
                    .map(|it| it.notes().shown.get(room).map_or(0, |it| it.after + it.entries.len() as u64));
                let first = ends.next();
                ends.all(|it| Some(it) == first)
            };
            let connected = self.count(|it| usize::from(it.is_connected)) == self.people.len();
            (connected && self.rooms.iter().all(same)).then_some(())
        })
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.people.iter().for_each(|it| it.is_to_leave.store(true, Ordering::Release));
    }
}

impl Person {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn live(
        self: Arc<Person>,
        runtime: SharedRuntime,
        mut remote: Remote,
        rooms: Vec<String>,
        talk: Talk,
        seed: u64,
    ) {
        let mut dice = fastrand::Rng::with_seed(seed);
        for room in &rooms {
            let join = Join { room: room.clone().into(), after: Some(0), ..Join::default() };
            if remote.ask(RequestBody::Join(join), NOBODY).await.is_err() {
                return;
            }
        }
        let every = Duration::from_secs(1) * u32::try_from(talk.people).unwrap_or(1) / talk.per_second.max(1);
        let mut next = runtime.now() + every.mul_f64(dice.f64());
        while !self.is_to_leave.load(Ordering::Acquire) {
            runtime.sleep_until(next).await;
            next = (next + every).max(runtime.now());
            let room = &rooms[dice.usize(..rooms.len())];
            if self.is_to_look_back.swap(false, Ordering::AcqRel) {
                let history = History { room: room.clone().into(), limit: Some(20), ..History::default() };
                let _ = remote.ask(RequestBody::History(history), NOBODY).await; // the next shows whether it is over
            }
            if self.is_quiet.load(Ordering::Acquire) {
                continue;
            }
            let (tag, text) = {
                let mut notes = self.notes();
                let mut text = format!("{} says {} ", notes.name, notes.said.len());
                let long = dice.usize(..=talk.longest.saturating_sub(text.len()));
                text.extend((0..long).map(|_| dice.alphabetic()));
                (notes.say(room, &text), text)
            };
            if remote.ask(Post::say(room.clone(), text), tag).await.is_err() {
                return;
            }
        }
    }
}

/// The tag of what is no message.
const NOBODY: u64 = u64::MAX;
