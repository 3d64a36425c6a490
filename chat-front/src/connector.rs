//! The way to a server: dials until the server lets the user in, under the first name that is free.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use chat_core::{
    Address, ClientId, HostPort, SharedRuntime,
    client::{self, Config, Password, Remote, Update, Updates},
    transport::{Transport, Transports},
    wire::{Code, Error, Reason, Welcome},
    within,
};
use futures::{
    FutureExt, StreamExt,
    channel::mpsc,
    future::{BoxFuture, Fuse},
    select_biased,
};

/// The user, as a server asks for one.
#[derive(Clone)]
pub struct Identity {
    /// The names to try, the first choice first.
    pub names: Vec<String>,
    /// The server's password, if it is known to have one.
    pub password: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("names", &self.names).finish_non_exhaustive()
    }
}

/// A server, the transport that leads there, and the user who wants to talk there.
#[derive(Clone)]
pub struct Connector {
    runtime: SharedRuntime,
    transports: Transports,
    transport: Arc<dyn Transport>,
    server: Address,
    identity: Identity,
    keeps_trying: bool,
    raw: bool,
    is_encrypted: bool,
}

/// A session that a server opened.
#[derive(Debug)]
pub struct Session {
    /// Where requests go in.
    pub remote: Remote,
    /// What the client reports.
    pub updates: Updates,
    /// What the server said first.
    pub welcome: Welcome,
}

/// A session that is being opened.
pub(crate) type Entering = Fuse<BoxFuture<'static, anyhow::Result<Session>>>;

impl Connector {
    /// The way to `server` for `identity`.
    ///
    /// # Errors
    /// When no transport fits the address.
    pub fn new(
        transports: &Transports,
        runtime: SharedRuntime,
        server: Address,
        identity: Identity,
    ) -> anyhow::Result<Connector> {
        let transport = transports.get(&server).with_context(|| format!("cannot join {server}"))?;
        let transports = transports.clone();
        let (keeps_trying, raw, is_encrypted) = (false, false, true);
        Ok(Connector { runtime, transports, transport, server, identity, keeps_trying, raw, is_encrypted })
    }

    /// The runtime that the client runs on.
    pub fn runtime(&self) -> &SharedRuntime {
        &self.runtime
    }

    /// The address of the server.
    pub fn server(&self) -> &Address {
        &self.server
    }

    /// Over a transport that may lose frames, silence is no refusal: [`Connector::enter`] then waits for a server as
    /// long as it takes.
    pub fn keep_trying(self) -> Connector {
        Connector { keeps_trying: true, ..self }
    }

    /// Shows what a link does that may lose frames, see [`Config::raw`].
    pub fn without_repair(self) -> Connector {
        Connector { raw: true, ..self }
    }

    /// Says that the transports do not encrypt, for the user to know.
    pub fn unencrypted(self) -> Connector {
        Connector { is_encrypted: false, ..self }
    }

    /// Whether what is said cannot be read on the way.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The same way for a user called `name` and nothing else.
    pub fn named(&self, name: &str) -> Connector {
        let identity = Identity { names: vec![name.to_owned()], ..self.identity.clone() };
        Connector { identity, ..self.clone() }
    }

    /// From now on leads to `server`, if a transport fits that address.
    pub(crate) fn moved(&mut self, server: &Address) {
        if let Ok(transport) = self.transports.get(server) {
            (self.transport, self.server) = (transport, server.clone());
        }
    }

    /// The route that `to` names: a whole URL, or a transport to the present server.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn route(&self, to: &str) -> anyhow::Result<(Arc<dyn Transport>, Address)> {
        let address = if to.contains("://") { to.parse() } else { Address::new(to, self.server.rest()) };
        let address = address.with_context(|| format!("cannot go on over {to}"))?;
        // The password was given for this server, and would be sent there.
        let is_elsewhere = host(&address) != host(&self.server);
        if is_elsewhere && self.identity.password.is_some() {
            bail!("cannot go on at {address}: the password is for {}", self.server);
        }
        let transport =
            self.transports.get(&address).with_context(|| format!("cannot go on at {address}"))?;
        Ok((transport, address))
    }

    /// Whether frames may be lost and are not sent again.
    pub fn is_raw(&self) -> bool {
        self.raw && self.is_lossy()
    }

    /// Whether frames may be lost on the way, and with them a server's answer.
    fn is_lossy(&self) -> bool {
        !self.transport.promises().is_lossless()
    }

    /// Opens a session. `waiting` is told when another session whose link was lost still holds the name, which is
    /// waited for if there is no other name to try, and when no server answers but the connector keeps trying.
    ///
    /// # Errors
    /// When the server cannot be reached, does not answer in time, or refuses; or what `waiting` returns.
    pub async fn enter(
        &self,
        mut waiting: impl FnMut(&Update) -> anyhow::Result<()>,
    ) -> anyhow::Result<Session> {
        if self.is_lossy() {
            // What is wrong with the address, or with the server's key, is no silence, and does not pass.
            let dialled = within(SETTLED_WITHIN, &*self.runtime, self.transport.dial(&self.server)).await;
            drop(dialled.transpose().map_err(|why| self.refused(&why.to_string()))?);
        }
        let names = &self.identity.names;
        for (tried, name) in names.iter().enumerate() {
            let is_last = tried + 1 == names.len();
            let (remote, mut updates) = self.start(name);
            if let Some(welcome) = self.welcome(&mut updates, is_last, &mut waiting).await? {
                return Ok(Session { remote, updates, welcome });
            }
        }
        Err(self.refused("there is no name to try"))
    }

    /// Begins to open a session; what `waiting` of [`Connector::enter`] would be told comes through the receiver.
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
            password: self.identity.password.clone().map(|text| Password::for_server(text, &self.server)),
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
        let mut answer = Answer::None;
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
                Update::Refused(error) => {
                    bail!(self.refused(&refusal(error, self.identity.password.is_some())))
                }
                Update::Error(error) if error.code == Code::NameTaken => answer = Answer::NameHeld,
                Update::Error(_) | Update::Goodbye(_) => answer = Answer::Refusal,
                Update::Disconnected { why, retry_in } => {
                    match std::mem::replace(&mut answer, Answer::None) {
                        Answer::NameHeld => {
                            deadline = in_time(*retry_in);
                            waiting(&update)?;
                        }
                        Answer::None if self.is_lossy() => {
                            if self.keeps_trying {
                                deadline = Fuse::terminated();
                                let why = format!("{why} at {}", self.server);
                                waiting(&Update::Disconnected { why, retry_in: *retry_in })?;
                            }
                        }
                        Answer::None | Answer::Refusal => bail!(self.refused(why)),
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

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What a server has answered that does not let the user in.
enum Answer {
    None,
    /// Another session has the name; its link was lost, so it does not have the name for ever.
    NameHeld,
    Refusal,
}

/// # Errors
/// When `update` says that the conversation is over.
pub fn ends(update: &Update) -> anyhow::Result<()> {
    match update {
        Update::Refused(error) => bail!("the server no longer lets you in: {}", error.message),
        Update::Goodbye(Reason::Replaced) => bail!("this session goes on elsewhere"),
        _ => Ok(()),
    }
}

/// The host of `address`, or all of it if it has none.
fn host(address: &Address) -> String {
    HostPort::parse(address).map_or_else(|_| address.to_string(), |at| at.host.to_lowercase())
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

/// How long a link that may lose frames is tried for what is wrong with its address.
const SETTLED_WITHIN: Duration = Duration::from_millis(700);

/// How much may wait to be told while a session is being opened.
const TOLD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_no_other_host() {
        let transports = Transports::new()
            .with("memory", chat_core::memory::Memory::default())
            .with("memory2", chat_core::memory::Memory::default());
        let runtime = chat_testkit::virtual_time::VirtualTime::new(1).shared();
        let route = |password: Option<&str>, to: &str| {
            let identity = Identity { names: vec![], password: password.map(str::to_owned) };
            let server = "memory://office:7000".parse().unwrap();
            let connector = Connector::new(&transports, runtime.clone(), server, identity).unwrap();
            connector.route(to).map(drop).map_err(|why| format!("{why:#}"))
        };
        assert_eq!(route(Some("sesame"), "memory2"), Ok(()));
        assert_eq!(route(Some("sesame"), "memory2://OFFICE:7001"), Ok(()));
        assert_eq!(route(None, "memory://elsewhere:7000"), Ok(()));
        assert!(
            route(Some("sesame"), "memory://elsewhere:7000").unwrap_err().contains("the password is for")
        );
    }

    #[test]
    fn a_user_who_gave_no_password_learns_how_to() {
        let error = Error::of(None, Code::BadPassword, "no");
        assert_eq!(refusal(&error, false), "no; --password-file FILE gives one");
        assert_eq!(refusal(&error, true), "no");
        assert_eq!(refusal(&Error { code: Code::NameTaken, ..error }, false), "no");
    }
}
