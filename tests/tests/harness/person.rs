//! A client in this process, over real sockets: many of them cost little.

use std::time::Duration;

use chat_core::{
    Address, ClientId,
    client::{self, Config, Remote, Update, Updates},
    wire::{EntryFrame, Event, Join, Post, RequestBody},
};
use futures::StreamExt;

use super::runtime::{in_time_of, runtime};

/// Someone who talks and reads.
pub struct Person {
    pub remote: Remote,
    pub updates: Updates,
}

impl Person {
    /// Someone called `name` who is on the way to the server at `address`.
    pub fn new(address: Address, name: &str, seed: u64) -> Person {
        let runtime = runtime();
        let client = ClientId(runtime.random());
        let config = Config { name: name.to_owned(), client, password: None, seed, raw: false };
        let transport = chat_cli::standard().get(&address).expect("the program knows it");
        let (remote, updates) = client::start(config, transport, address, runtime);
        Person { remote, updates }
    }

    /// The same, once in a room that is read from the beginning.
    pub async fn joined(address: Address, name: &str, seed: u64, room: &str) -> Person {
        let mut person = Person::new(address, name, seed);
        person.remote.ask(join(room), 0).await.expect("the conversation goes on");
        let joined = |update: &Update| matches!(update, Update::Joined { .. }).then_some(());
        person.updates.expect("joined", joined).await;
        person
    }
}

/// What can be waited for in what a client tells its user.
pub trait Heard {
    /// The first update that `pick` takes; those before it are skipped, but anything that tells of trouble is a
    /// failure.
    fn expect<T>(&mut self, what: &str, pick: impl FnMut(&Update) -> Option<T>) -> impl Future<Output = T>;

    /// The next `count` entries, of whatever room.
    fn entries(&mut self, count: usize) -> impl Future<Output = Vec<EntryFrame>>;
}

impl Heard for Updates {
    async fn expect<T>(&mut self, what: &str, mut pick: impl FnMut(&Update) -> Option<T>) -> T {
        let heard = async {
            loop {
                let update = self.next().await.unwrap_or_else(|| panic!("it ended before {what} came"));
                if let Some(picked) = pick(&update) {
                    return picked;
                }
                let refused = matches!(
                    update,
                    Update::Refused(_)
                        | Update::Gap(_)
                        | Update::Reset { .. }
                        | Update::Error(_)
                        | Update::LostRoom { .. }
                        | Update::Reply { reply: Event::Error(_), .. }
                );
                assert!(!refused, "instead of {what} came {update:?}");
            }
        };
        in_time_of(LONG, heard).await
    }

    async fn entries(&mut self, count: usize) -> Vec<EntryFrame> {
        let mut entries = Vec::with_capacity(count);
        while entries.len() < count {
            entries.push(self.expect("entry", entry).await);
        }
        entries
    }
}

/// The entry that an update is, if it is one.
pub fn entry(update: &Update) -> Option<EntryFrame> {
    match update {
        Update::Entry(entry) => Some(entry.clone()),
        _ => None,
    }
}

/// The request that enters `room` and reads it from the beginning.
pub fn join(room: &str) -> RequestBody<'static> {
    Join { room: room.to_owned().into(), after: Some(0), ..Join::default() }.into()
}

/// The request that says `text` in `room`.
pub fn say(room: &str, text: &str) -> RequestBody<'static> {
    Post::say(room.to_owned(), text.to_owned()).into()
}

/// How long one update may be waited for, on a machine that does all of these tests at once.
const LONG: Duration = Duration::from_secs(60);
