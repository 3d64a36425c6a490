//! A client for links that may lose frames: it runs chat-core's own client, which repairs losses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::{
    ClientId,
    client::{self, Config, Password, Remote, Update, Updates},
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
    delivery::{BATCH, Batch, DeliveryCounter, DeliveryCounts},
    orders::{JOIN_TIMEOUT, Orders},
    sender::{NextStep, Sender},
    shared::Shared,
    stamp::Stamp,
};
use crate::target::TargetServer;

/// A client that has joined its room.
pub(super) struct FullClient {
    shared: Arc<Shared>,
    remote: Remote,
    updates: Updates,
    room: String,
    deliveries: DeliveryCounter,
    sender: Option<Sender>,
}

impl FullClient {
    /// Dials, says hello and joins the room of client `nth`.
    ///
    /// # Errors
    /// Why the client could not join.
    pub(super) async fn join(
        nth: usize,
        shared: Arc<Shared>,
        target: &TargetServer,
    ) -> Result<FullClient, String> {
        let config = Config {
            name: target.client_name(nth),
            client: ClientId(target.runtime.random()),
            password: target.password.clone().map(|text| Password::for_server(text, &target.address)),
            seed: nth as u64,
            raw: false,
        };
        let (remote, updates) =
            client::start(config, target.transport.clone(), target.address.clone(), target.runtime.clone());
        let mut why_not = format!("not within {} s", JOIN_TIMEOUT.as_secs());
        let joining = FullClient::try_join(nth, shared, target, remote, updates, &mut why_not);
        let joined = within(JOIN_TIMEOUT, &*target.runtime, joining).await;
        joined.unwrap_or(Err(why_not))
    }

    /// Joins the room. `why_not` is set to the reason for which the link failed last, for the case of a timeout.
    async fn try_join(
        nth: usize,
        shared: Arc<Shared>,
        target: &TargetServer,
        mut remote: Remote,
        mut updates: Updates,
        why_not: &mut String,
    ) -> Result<FullClient, String> {
        let room = target.room_name(shared.load.room_of(nth));
        let join = Join { room: room.clone().into(), recent: Some(0), ..Join::default() };
        remote.ask(join, JOIN).await.map_err(|error| error.to_string())?;
        loop {
            match updates.next().await.ok_or("the client ended")? {
                Update::Joined { joined, .. } => {
                    let deliveries = DeliveryCounter::new(nth, joined.after, shared.clone());
                    let sender = Sender::of(nth, &shared);
                    return Ok(FullClient { shared, remote, updates, room, deliveries, sender });
                }
                Update::Reply { reply: Event::Error(error), .. } | Update::Refused(error) => {
                    return Err(error.message);
                }
                Update::Disconnected { why, .. } => *why_not = why,
                _ => {}
            }
        }
    }

    /// Sends and receives until the load ends, reports the deliveries, and leaves.
    pub(super) async fn run(self, orders: Orders, report: oneshot::Sender<DeliveryCounts>) {
        let FullClient { shared, remote, mut updates, room, mut deliveries, sender } = self;
        let sender = sender.map(Mutex::new);
        let Orders { begin, end } = orders;
        {
            let (replied, replies) = mpsc::channel(1);
            let receiving = receive(&shared, &mut updates, &mut deliveries, sender.as_ref(), replied);
            let sending = send(&shared, remote, room, sender.as_ref(), begin, replies);
            let both = futures::future::join(receiving, sending);
            pin_mut!(both);
            select(both, end).await; // the load may have been dropped, which ends this client too
        }
        let _ = report.send(deliveries.counts()); // the load may have been dropped
        while updates.next().await.is_some() {} // the client says goodbye, which takes two seconds at most
    }
}

/// Receives every update, until the client ends.
async fn receive(
    shared: &Shared,
    updates: &mut Updates,
    deliveries: &mut DeliveryCounter,
    sender: Option<&Mutex<Sender>>,
    mut replied: mpsc::Sender<()>,
) {
    let mut chunks = updates.ready_chunks(BATCH);
    while let Some(chunk) = chunks.next().await {
        let mut batch = Batch::new();
        for update in chunk {
            match update {
                Update::Entry(entry) => match Stamp::read(entry.body.text.as_bytes()) {
                    Some(stamp) => deliveries.record(entry.seq, stamp, entry.body.text.len(), &mut batch),
                    None => deliveries.skip(entry.seq),
                },
                Update::Reply { tag, reply } if tag >= FIRST => {
                    if let Some(sender) = sender {
                        note_reply(shared, &mut lock(sender), tag - FIRST, reply);
                        let _ = replied.try_send(()); // one signal is enough until the sender has read it
                    }
                }
                Update::Disconnected { why, .. } => shared.note_lost_link(why),
                Update::Connected(_) => shared.note_link_is_back(),
                _ => {}
            }
        }
        deliveries.flush(&batch, shared.now());
    }
}

fn note_reply(shared: &Shared, sender: &mut Sender, number: u64, reply: Event) {
    match reply {
        Event::Error(error) => {
            shared.note_why_refused(&error.message);
            sender.note_refused(number, error.retry_after_ms, shared.now());
        }
        _ => sender.note_answered(),
    }
}

/// Sends the messages of this client, and then stays pending: dropping the remote would make the client leave.
async fn send(
    shared: &Shared,
    mut remote: Remote,
    room: String,
    sender: Option<&Mutex<Sender>>,
    begin: oneshot::Receiver<()>,
    mut replies: mpsc::Receiver<()>,
) {
    if let (Some(sender), Ok(())) = (sender, begin.await) {
        loop {
            let next = lock(sender).next(shared.now());
            match next {
                NextStep::Send(stamp) => {
                    let text = stamp.text(&shared.load.size, shared.load.seed);
                    let say = Post::say(room.clone(), text);
                    if remote.ask(say, stamp.number + FIRST).await.is_err() {
                        break;
                    }
                }
                NextStep::WaitUntil(at) => shared.runtime.sleep_until(shared.instant(at)).await,
                NextStep::WaitForReply => _ = replies.next().await,
                NextStep::Done => break,
            }
        }
    }
    futures::future::pending::<()>().await;
}

fn lock(sender: &Mutex<Sender>) -> MutexGuard<'_, Sender> {
    sender.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tag of the join.
const JOIN: u64 = 0;
/// The tag of the message with number 0; the tags of the others follow.
const FIRST: u64 = 1;
