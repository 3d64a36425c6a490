//! A client for links that may lose frames: the one that people use, which repairs that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::{
    ClientId,
    client::{self, Config, Remote, Update, Updates},
    wire::{Event, Join, Post},
    within,
};
use futures::{
    StreamExt,
    channel::{mpsc, oneshot},
    future::select,
    pin_mut,
};

use super::{
    crowd::{ENTER_WITHIN, Orders},
    ear::{BATCH, Batch, Ear, Heard},
    mark::Mark,
    mouth::{Mouth, Next},
    shared::Shared,
};
use crate::Venue;

/// A client in its room.
pub(super) struct Repairing {
    shared: Arc<Shared>,
    remote: Remote,
    updates: Updates,
    room: String,
    ear: Ear,
    mouth: Option<Mouth>,
}

impl Repairing {
    /// Dials, says hello and enters its room.
    ///
    /// # Errors
    /// Why it is not there.
    pub(super) async fn enter(nth: usize, shared: Arc<Shared>, venue: &Venue) -> Result<Repairing, String> {
        let config = Config {
            name: venue.name_of(nth),
            client: ClientId(venue.runtime.random()),
            password: venue.password.clone(),
            seed: nth as u64,
            raw: false,
        };
        let (remote, updates) =
            client::start(config, venue.transport.clone(), venue.address.clone(), venue.runtime.clone());
        let mut why_not = format!("not within {} s", ENTER_WITHIN.as_secs());
        let entering = Repairing::join(nth, shared, venue, remote, updates, &mut why_not);
        let entered = within(ENTER_WITHIN, &*venue.runtime, entering).await;
        entered.unwrap_or(Err(why_not))
    }

    async fn join(
        nth: usize,
        shared: Arc<Shared>,
        venue: &Venue,
        mut remote: Remote,
        mut updates: Updates,
        why_not: &mut String,
    ) -> Result<Repairing, String> {
        let room = venue.room_name(shared.load.room(nth));
        let join = Join { room: room.clone().into(), recent: Some(0), ..Join::default() };
        remote.ask(join, JOIN).await.map_err(|error| error.to_string())?;
        loop {
            match updates.next().await.ok_or("the conversation is over")? {
                Update::Joined { joined, .. } => {
                    let ear = Ear::new(nth, joined.after, shared.clone());
                    let mouth = Mouth::of(nth, &shared);
                    return Ok(Repairing { shared, remote, updates, room, ear, mouth });
                }
                Update::Reply { reply: Event::Error(error), .. } | Update::Refused(error) => {
                    return Err(error.message);
                }
                Update::Disconnected { why, .. } => *why_not = why,
                _ => {}
            }
        }
    }

    /// Talks and listens until it is to leave, tells what it heard, and leaves.
    pub(super) async fn live(self, orders: Orders, tell: oneshot::Sender<Heard>) {
        let Repairing { shared, remote, mut updates, room, mut ear, mouth } = self;
        let mouth = mouth.map(Mutex::new);
        let Orders { begin, end } = orders;
        {
            let (answers, answered) = mpsc::channel(1);
            let listening = listen(&shared, &mut updates, &mut ear, mouth.as_ref(), answers);
            let speaking = speak(&shared, remote, room, mouth.as_ref(), begin, answered);
            let both = futures::future::join(listening, speaking);
            pin_mut!(both);
            select(both, end).await; // its sender may be gone, which means the same
        }
        let _ = tell.send(ear.heard()); // nobody may wait for it any more
        while updates.next().await.is_some() {} // the client says goodbye, which takes two seconds at most
    }
}

/// Listens to everything that comes; ends with the client.
async fn listen(
    shared: &Shared,
    updates: &mut Updates,
    ear: &mut Ear,
    mouth: Option<&Mutex<Mouth>>,
    mut answers: mpsc::Sender<()>,
) {
    let mut chunks = updates.ready_chunks(BATCH);
    while let Some(chunk) = chunks.next().await {
        let mut batch = Batch::new();
        for update in chunk {
            match update {
                Update::Entry(entry) => match Mark::read(entry.body.text.as_bytes()) {
                    Some(mark) => ear.hear(entry.seq, mark, entry.body.text.len(), &mut batch),
                    None => ear.skip(entry.seq),
                },
                Update::Reply { tag, reply } if tag >= FIRST => {
                    if let Some(mouth) = mouth {
                        heed(shared, &mut lock(mouth), tag - FIRST, reply);
                        let _ = answers.try_send(()); // one that waits to be read is enough
                    }
                }
                Update::Disconnected { why, .. } => shared.note_lost_link(why),
                Update::Connected(_) => shared.note_link_is_back(),
                _ => {}
            }
        }
        ear.settle(&batch, shared.now());
    }
}

fn heed(shared: &Shared, mouth: &mut Mouth, number: u64, reply: Event) {
    match reply {
        Event::Error(error) => {
            shared.note_why_refused(&error.message);
            mouth.refused(number, error.retry_after_ms, shared.now());
        }
        _ => mouth.answered(),
    }
}

/// Says what is to be said; then it waits for ever, with the client, which leaves when this is dropped.
async fn speak(
    shared: &Shared,
    mut remote: Remote,
    room: String,
    mouth: Option<&Mutex<Mouth>>,
    begin: oneshot::Receiver<()>,
    mut answered: mpsc::Receiver<()>,
) {
    if let (Some(mouth), Ok(())) = (mouth, begin.await) {
        loop {
            let next = lock(mouth).next(shared.now());
            match next {
                Next::Say(mark) => {
                    let text = mark.text(&shared.load.size, shared.load.seed);
                    let say = Post::say(room.clone(), text);
                    if remote.ask(say, mark.number + FIRST).await.is_err() {
                        break;
                    }
                }
                Next::At(at) => shared.runtime.sleep_until(shared.instant(at)).await,
                Next::Answer => _ = answered.next().await,
                Next::Over => break,
            }
        }
    }
    futures::future::pending::<()>().await;
}

fn lock(mouth: &Mutex<Mouth>) -> MutexGuard<'_, Mouth> {
    mouth.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tag of the one join.
const JOIN: u64 = 0;
/// The tag of the first message, whose own number is 0.
const FIRST: u64 = 1;
