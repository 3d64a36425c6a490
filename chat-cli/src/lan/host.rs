//! Hosting: a server inside this process, which ends when the user leaves.

use std::{io, sync::Arc, time::Duration};

use anyhow::Context;
use chat_core::{
    Address, HostPort, KeyId, SharedRuntime,
    log::RoomLog,
    server::{Config, Server, Signer},
    transport::Transports,
};
use chat_discovery::{Announcer, Hints};
use chat_secure::{StaticKey, TicketKeys};

use crate::{
    encryption,
    serve::{DEFAULT_ADDRESSES, SOFTWARE, limits, raise_limits},
};

/// A server that this process hosts and announces.
pub(crate) struct HostedServer {
    server: Arc<Server>,
    announcer: Announcer,
    runtime: SharedRuntime,
    /// The URL at which this process itself joins the server.
    pub(super) url: Address,
    /// The key of the server.
    pub(super) key: KeyId,
}

impl HostedServer {
    /// Starts a server with the rooms of `log` and announces it through `announcer`.
    ///
    /// # Errors
    /// When the rooms cannot be read, or the server cannot listen.
    pub(super) async fn start(
        transports: &Transports,
        runtime: &SharedRuntime,
        (log, key): (Arc<dyn RoomLog>, StaticKey),
        password: Option<String>,
        mut announcer: Announcer,
    ) -> anyhow::Result<HostedServer> {
        raise_limits();
        let signer: Option<Arc<dyn Signer>> = Some(Arc::new(key.signing_key()));
        let hints = Hints { key: Some(key.id()), password: password.is_some() };
        let config = Config { limits: limits(), password, software: SOFTWARE.to_owned(), signer };
        let server =
            Server::start(config, log, runtime.clone()).await.context("cannot open the log of rooms")?;
        let server = Arc::new(server);
        let tickets = TicketKeys::in_memory(runtime.clone());
        let transports = &encryption::of_server(transports, (&key, &tickets), false, runtime);
        let mut bound = Vec::new();
        for address in DEFAULT_ADDRESSES {
            let address: Address = address.parse().expect("a valid address");
            let at = match server.listen(transports, &address).await {
                Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
                    let free = Address::new(address.scheme(), ANY_PORT).expect("a valid address");
                    server.listen(transports, &free).await
                }
                at => at,
            };
            bound.push(at.with_context(|| format!("cannot listen at {address}"))?);
        }
        let first = bound.first().expect("the server listens at least at one address");
        let port = HostPort::parse(first).context("cannot join the server hosted here")?.port;
        let url = Address::new(first.scheme(), format_args!("127.0.0.1:{port}")).expect("a valid address");
        let rooms = server.clone();
        announcer.open(bound, hints, move || rooms.rooms() as u64);
        Ok(HostedServer { server, announcer, runtime: runtime.clone(), url, key: key.id() })
    }

    /// The number of sessions, including those that have lost their link for a moment.
    pub(super) fn sessions(&self) -> usize {
        self.server.sessions()
    }

    /// The number of sessions of other people, after the user has left. The user's own session may end a moment after its
    /// goodbye, so this waits for it.
    pub(super) async fn other_sessions_after_leaving(&self) -> usize {
        let all = self.sessions();
        let end = self.runtime.now() + OWN_SESSION_ENDS_WITHIN;
        while all > 0 && self.sessions() == all && self.runtime.now() < end {
            self.runtime.sleep_until(self.runtime.now() + OWN_SESSION_ENDS_WITHIN / 20).await;
        }
        self.sessions()
    }

    /// Stops the server, after all clients have been told.
    pub(super) async fn stop(self) {
        self.announcer.stop().await;
        self.server.stop().await;
    }
}

/// How long the user's own session may take to end.
const OWN_SESSION_ENDS_WITHIN: Duration = Duration::from_millis(100);

/// The address to listen at when the default port is taken.
const ANY_PORT: &str = "0.0.0.0:0";
