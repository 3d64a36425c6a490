//! The running side of a conversation: a client and what it reports, a second session while the name changes, and the
//! goodbye. It carries out the actions of a [`Conversation`].

use std::{fmt, pin::pin, time::Duration};

use anyhow::bail;
use chat_core::{
    SharedRuntime,
    client::{Permit, Remote, Update, Updates},
    wire::Welcome,
};
use futures::{
    FutureExt, Stream, StreamExt,
    channel::mpsc,
    future::{BoxFuture, join, pending, select},
    select_biased,
    stream::Fuse as FuseStream,
};

use crate::{
    connector::{Connector, Entering},
    conversation::{Action, Conversation},
};

pub use crate::connector::{Session, ends};

/// A connection to a server, or the way to it.
pub struct Connection {
    connector: Connector,
    remote: Option<Remote>,
    updates: Option<FuseStream<Updates>>,
    /// A session that is being opened: the first one, or one under another name.
    entering: Entering,
    /// What there is to tell while the first session is being opened.
    told: mpsc::Receiver<Update>,
    /// Why the conversation is over, once the user was told of the update that ended it.
    over: Option<anyhow::Error>,
}

/// What happens to a connection.
#[derive(Debug)]
pub enum ConnectionEvent {
    /// The client, or the way to the server, reports this.
    Update(Update),
    /// The server has opened the first session.
    Opened(Welcome),
    /// The server has opened another session, under another name, and everything goes on in it.
    Renamed(Welcome),
    /// No other session was opened; everything goes on in the present one.
    NotRenamed(String),
    /// There is no such transport or address to go on at.
    NotMoved(String),
}

/// What one turn of [`Connection::next`] brings.
enum Turn<'a> {
    Ready(Permit<'a>),
    Entered(anyhow::Result<Session>),
    Told(Option<Update>),
    Update(Option<Update>),
}

impl Connection {
    /// Begins to open a session by `connector`.
    pub fn open(connector: Connector) -> Connection {
        let (entering, told) = connector.clone().begin();
        Connection { connector, remote: None, updates: None, entering, told, over: None }
    }

    /// The way to the server, as it is now.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Whether the server has opened a session.
    pub fn is_open(&self) -> bool {
        self.updates.is_some()
    }

    /// Carries out what `conversation` wants, until something happens. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When no session can be opened, or the conversation is over.
    pub async fn next(&mut self, conversation: &mut Conversation) -> anyhow::Result<ConnectionEvent> {
        if let Some(over) = self.over.take() {
            return Err(over);
        }
        loop {
            let Connection { connector, remote, updates, entering, told, .. } = self;
            let ready = match remote {
                Some(remote) if conversation.has_action() => ready(remote).left_future(),
                _ => pending().right_future(),
            };
            let next_update = match updates {
                Some(updates) => updates.next().left_future(),
                None => pending().right_future(),
            };
            let turn = {
                let (mut ready, mut update) = (pin!(ready.fuse()), pin!(next_update.fuse()));
                // What the user wants comes before what there is to read.
                select_biased! {
                    permit = ready => Turn::Ready(permit),
                    session = &mut *entering => Turn::Entered(session),
                    update = told.next() => Turn::Told(update),
                    update = update => Turn::Update(update),
                }
            };
            match turn {
                Turn::Ready(permit) => match conversation.next_action() {
                    Some(Action::Ask(request, tag)) => permit.ask(request, tag),
                    Some(Action::Measure) => permit.measure(),
                    Some(Action::Move(to)) => match connector.route(&to) {
                        Ok((transport, address)) => permit.move_to(transport, address),
                        Err(why) => return Ok(ConnectionEvent::NotMoved(format!("{why:#}"))),
                    },
                    Some(Action::Rename(name)) => *entering = connector.named(&name).begin().0,
                    None => {}
                },
                Turn::Entered(session) => return self.entered(session),
                Turn::Told(Some(update)) => return Ok(ConnectionEvent::Update(update)),
                Turn::Told(None) => {}
                Turn::Update(update) => return self.heard(update),
            }
        }
    }

    fn entered(&mut self, session: anyhow::Result<Session>) -> anyhow::Result<ConnectionEvent> {
        let is_first = !self.is_open();
        let Session { remote, updates, welcome } = match session {
            Ok(session) => session,
            Err(why) if is_first => return Err(why),
            Err(why) => return Ok(ConnectionEvent::NotRenamed(format!("{why:#}"))),
        };
        self.connector = self.connector.named(&welcome.name);
        self.remote = Some(remote); // the one before, if there was one, says bye
        self.updates = Some(updates.fuse());
        Ok(if is_first { ConnectionEvent::Opened(welcome) } else { ConnectionEvent::Renamed(welcome) })
    }

    fn heard(&mut self, update: Option<Update>) -> anyhow::Result<ConnectionEvent> {
        let Some(update) = update else { bail!("the conversation ended") };
        if let Update::Moved { to } = &update {
            self.connector.moved(to);
        }
        self.over = ends(&update).err();
        Ok(ConnectionEvent::Update(update))
    }

    /// Sends `unsent` and says goodbye; `hear` takes what the client still reports. That takes 3 s at most.
    pub async fn leave(self, unsent: Vec<Action>, hear: impl FnMut(Update)) {
        let Connection { connector, remote: Some(remote), updates: Some(updates), .. } = self else { return };
        let leaving = pin!(join(send(remote, unsent), read_out(updates, hear)));
        select(leaving, leave_within(connector.runtime())).await;
    }
}

/// Waits for the end of a session whose [`Remote`] was dropped; `hear` takes what the client still reports. That takes
/// 3 s at most.
pub async fn goodbye(updates: Updates, runtime: &SharedRuntime, hear: impl FnMut(Update)) {
    select(pin!(read_out(updates, hear)), leave_within(runtime)).await;
}

async fn read_out(mut updates: impl Stream<Item = Update> + Unpin, mut hear: impl FnMut(Update)) {
    while let Some(update) = updates.next().await {
        hear(update);
    }
}

fn leave_within(runtime: &SharedRuntime) -> BoxFuture<'static, ()> {
    runtime.sleep_until(runtime.now() + LEAVE_WITHIN)
}

/// Sends what is to be asked. The client then says bye once everything is answered.
async fn send(mut remote: Remote, unsent: Vec<Action>) {
    for action in unsent {
        let sent = match action {
            Action::Ask(request, tag) => remote.ask(request, tag).await,
            Action::Measure => remote.measure().await,
            Action::Move(_) | Action::Rename(_) => continue, // nothing goes on
        };
        if sent.is_err() {
            break;
        }
    }
}

/// Waits until the client takes one more command. A client that has ended says so in its updates.
async fn ready(remote: &mut Remote) -> Permit<'_> {
    match remote.ready().await {
        Ok(permit) => permit,
        Err(_) => pending().await,
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// How long leaving may take. The client itself waits two seconds for answers.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
