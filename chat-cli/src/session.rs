//! Getting in: a connection that has been let in by a server, under the first name that is free.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use chat_core::{
    Address, ClientId, SharedRuntime,
    client::{self, Config, Remote, Update, Updates},
    transport::{Transport, Transports},
    wire::{Code, Error, Reason, Welcome},
};
use futures::{
    FutureExt, StreamExt,
    channel::mpsc,
    future::{BoxFuture, Fuse},
    select_biased,
};

use crate::{args::Person, names, password};

/// A server, and who wants to talk there.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) runtime: SharedRuntime,
    transports: Transports,
    transport: Arc<dyn Transport>,
    pub(crate) server: Address,
    /// The next to try come first.
    names: Vec<String>,
    password: Option<String>,
    keeps_trying: bool,
    raw: bool,
}

/// A session that was let in.
pub(crate) struct Session {
    pub(crate) remote: Remote,
    pub(crate) updates: Updates,
    pub(crate) welcome: Welcome,
}

/// On the way in.
pub(crate) type Entering = Fuse<BoxFuture<'static, anyhow::Result<Session>>>;

impl Door {
    /// # Errors
    /// When no transport fits the address, or the password cannot be read.
    pub(crate) fn new(
        transports: &Transports,
        runtime: SharedRuntime,
        server: Address,
        person: &Person,
    ) -> anyhow::Result<Door> {
        let transport = transports.get(&server).with_context(|| format!("cannot join {server}"))?;
        let password = person.password_file.as_deref().map(password::read).transpose()?;
        let names = match (&person.name, &person.usual_name) {
            (Some(name), _) => vec![name.as_str().to_owned()],
            (None, Some(name)) => names::from_settings(name),
            (None, None) => names::from_login(),
        };
        let transports = transports.clone();
        Ok(Door { runtime, transports, transport, server, names, password, keeps_trying: false, raw: false })
    }

    /// Where silence is no refusal, [`Door::enter`] waits for a server as long as it takes.
    pub(crate) fn keep_trying(self) -> Door {
        Door { keeps_trying: true, ..self }
    }

    /// Shows what a link does that may lose frames, see [`Config::raw`].
    pub(crate) fn without_repair(self) -> Door {
        Door { raw: true, ..self }
    }

    /// The same for somebody called `name` and nothing else.
    pub(crate) fn named(&self, name: &str) -> Door {
        Door { names: vec![name.to_owned()], ..self.clone() }
    }

    /// From now on elsewhere, if a transport leads there.
    pub(crate) fn moved(&mut self, server: &Address) {
        if let Ok(transport) = self.transports.get(server) {
            (self.transport, self.server) = (transport, server.clone());
        }
    }

    /// Where `to` leads: a whole URL, or the name of a transport to where we are.
    ///
    /// # Errors
    /// When it leads nowhere.
    pub(crate) fn way(&self, to: &str) -> anyhow::Result<(Arc<dyn Transport>, Address)> {
        let address = if to.contains("://") { to.parse() } else { Address::new(to, self.server.rest()) };
        let address = address.with_context(|| format!("cannot go on over {to}"))?;
        let transport =
            self.transports.get(&address).with_context(|| format!("cannot go on at {address}"))?;
        Ok((transport, address))
    }

    /// Whether frames may be lost, and are not sent again.
    pub(crate) fn is_raw(&self) -> bool {
        self.raw && self.is_lossy()
    }

    /// Whether frames may be lost on the way, and with them whatever a server answers.
    fn is_lossy(&self) -> bool {
        let promises = self.transport.promises();
        !(promises.reliable && promises.ordered)
    }

    /// Goes in. `waiting` is told when the name is held by somebody whose connection was lost, which is waited for if
    /// there is no other name to try, and when nobody answers but we keep trying.
    ///
    /// # Errors
    /// When the server cannot be reached, does not answer in time, or refuses; or what `waiting` returns.
    pub(crate) async fn enter(
        &self,
        mut waiting: impl FnMut(&Update) -> anyhow::Result<()>,
    ) -> anyhow::Result<Session> {
        if self.is_lossy() {
            // What is wrong with the address is no silence, and does not pass.
            drop(self.transport.dial(&self.server).await.map_err(|why| self.refused(&why.to_string()))?);
        }
        for (tried, name) in self.names.iter().enumerate() {
            let is_last = tried + 1 == self.names.len();
            let (remote, mut updates) = self.start(name);
            if let Some(welcome) = self.welcome(&mut updates, is_last, &mut waiting).await? {
                return Ok(Session { remote, updates, welcome });
            }
        }
        Err(self.refused("there is no name to try"))
    }

    /// Begins to go in; what there is to tell meanwhile comes beside it.
    pub(crate) fn begin(self) -> (Entering, mpsc::Receiver<Update>) {
        let (mut tell, told) = mpsc::channel(TOLD);
        let entering = async move {
            let waiting = |update: &Update| {
                let _ = tell.try_send(update.clone()); // if it is full, there is something to read already
                Ok(())
            };
            self.enter(waiting).await
        };
        (entering.boxed().fuse(), told)
    }

    fn start(&self, name: &str) -> (Remote, Updates) {
        let config = Config {
            name: name.to_owned(),
            client: ClientId(self.runtime.random()),
            password: self.password.clone(),
            seed: self.runtime.random() as u64, // the lower half is as random as the whole
            raw: self.raw,
        };
        client::start(config, self.transport.clone(), self.server.clone(), self.runtime.clone())
    }

    /// The server's welcome, or none if the name is taken and is not the last one.
    async fn welcome(
        &self,
        updates: &mut Updates,
        is_last: bool,
        waiting: &mut impl FnMut(&Update) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<Welcome>> {
        let in_time =
            |after: Duration| self.runtime.sleep_until(self.runtime.now() + after + ANSWER_WITHIN).fuse();
        let mut deadline = in_time(Duration::ZERO);
        let mut heard = Heard::Nothing;
        loop {
            let mut next = pin!(updates.next().fuse());
            let update = select_biased! {
                update = next => update.ok_or_else(|| self.refused("the conversation ended"))?,
                () = deadline => bail!(self.refused(&format!("no answer within {} s", ANSWER_WITHIN.as_secs()))),
            };
            match &update {
                Update::Connected(welcome) => return Ok(Some(welcome.clone())),
                Update::Error(error) | Update::Refused(error)
                    if error.code == Code::NameTaken && !is_last =>
                {
                    return Ok(None);
                }
                Update::Refused(error) => bail!(self.refused(&refusal(error, self.password.is_some()))),
                Update::Error(error) if error.code == Code::NameTaken => heard = Heard::NameHeld,
                Update::Error(_) | Update::Goodbye(_) => heard = Heard::Refusal,
                Update::Disconnected { why, retry_in } => {
                    match std::mem::replace(&mut heard, Heard::Nothing) {
                        Heard::NameHeld => {
                            deadline = in_time(*retry_in);
                            waiting(&update)?;
                        }
                        Heard::Nothing if self.is_lossy() => {
                            if self.keeps_trying {
                                deadline = Fuse::terminated();
                                let why = format!("{why} at {}", self.server);
                                waiting(&Update::Disconnected { why, retry_in: *retry_in })?;
                            }
                        }
                        Heard::Nothing | Heard::Refusal => bail!(self.refused(why)),
                    }
                }
                _ => {}
            }
        }
    }

    fn refused(&self, why: &str) -> anyhow::Error {
        anyhow!("{why}").context(format!("cannot join {}", self.server))
    }
}

/// What a server said that does not let us in.
enum Heard {
    Nothing,
    /// Whoever has the name lost the connection, and does not have it for ever.
    NameHeld,
    Refusal,
}

/// # Errors
/// When `update` says that the conversation is over.
pub(crate) fn ends(update: &Update) -> anyhow::Result<()> {
    match update {
        Update::Refused(error) => bail!("the server lets us in no more: {}", error.message),
        Update::Goodbye(Reason::Replaced) => bail!("this session goes on elsewhere"),
        _ => Ok(()),
    }
}

/// What the server says, and what can be done about it.
fn refusal(error: &Error, gave_password: bool) -> String {
    let hint = match error.code {
        Code::BadPassword if !gave_password => "; --password-file FILE gives one",
        _ => "",
    };
    format!("{}{hint}", error.message)
}

/// How long the way to a server and its answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How much may wait to be told while we are on the way in.
const TOLD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_gave_no_password_learns_how_to() {
        let error =
            Error { id: None, code: Code::BadPassword, message: "no".to_owned(), retry_after_ms: None };
        assert_eq!(refusal(&error, false), "no; --password-file FILE gives one");
        assert_eq!(refusal(&error, true), "no");
        assert_eq!(refusal(&Error { code: Code::NameTaken, ..error }, false), "no");
    }
}
