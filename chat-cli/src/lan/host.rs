//! A server in this process, for as long as its host is in.

use std::{io, sync::Arc, time::Duration};

use anyhow::Context;
use chat_core::{
    Address, HostPort, SharedRuntime,
    log::RoomLog,
    server::{Config, Limits, Server},
    transport::Transports,
};
use chat_discovery::Announcer;

use crate::serve::{DEFAULT_ADDRESSES, SOFTWARE, raise_limits};

/// A server that we host, and that is announced.
pub(crate) struct Hosted {
    server: Arc<Server>,
    announcer: Announcer,
    runtime: SharedRuntime,
    /// Where we reach it ourselves.
    pub(super) url: Address,
}

impl Hosted {
    /// Hosts one with the rooms of `log`. Who looks for servers finds it by `announcer`.
    ///
    /// # Errors
    /// When its rooms cannot be read, or it cannot listen.
    pub(super) async fn start(
        transports: &Transports,
        runtime: &SharedRuntime,
        log: Arc<dyn RoomLog>,
        password: Option<String>,
        mut announcer: Announcer,
    ) -> anyhow::Result<Hosted> {
        raise_limits();
        let config = Config { limits: Limits::default(), password, software: SOFTWARE.to_owned() };
        let server =
            Server::start(config, log, runtime.clone()).await.context("cannot open the log of rooms")?;
        let server = Arc::new(server);
        let mut bound = Vec::new();
        for address in DEFAULT_ADDRESSES {
            let address: Address = address.parse().expect("it is an address");
            let at = match server.listen(transports, &address).await {
                Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
                    let free = Address::new(address.scheme(), ANY_PORT).expect("it is an address");
                    server.listen(transports, &free).await
                }
                at => at,
            };
            bound.push(at.with_context(|| format!("cannot listen at {address}"))?);
        }
        let first = bound.first().expect("it listens somewhere");
        let port = HostPort::parse(first).context("cannot join what is hosted here")?.port;
        let url = Address::new(first.scheme(), format_args!("127.0.0.1:{port}")).expect("it is an address");
        let rooms = server.clone();
        announcer.open(bound, move || rooms.rooms() as u64);
        Ok(Hosted { server, announcer, runtime: runtime.clone(), url })
    }

    /// How many people are in, those who have lost their link for a moment included.
    pub(super) fn sessions(&self) -> usize {
        self.server.sessions()
    }

    /// How many are in when we are not any more. Our own session may end a moment after we were told goodbye.
    pub(super) async fn others_once_we_left(&self) -> usize {
        let all = self.sessions();
        let end = self.runtime.now() + PARTED_WITHIN;
        while all > 0 && self.sessions() == all && self.runtime.now() < end {
            self.runtime.sleep_until(self.runtime.now() + PARTED_WITHIN / 20).await;
        }
        self.sessions()
    }

    /// Ends it, once everybody has been told.
    pub(super) async fn stop(self) {
        self.announcer.stop().await;
        self.server.stop().await;
    }
}

/// How long our own session may take to end.
const PARTED_WITHIN: Duration = Duration::from_millis(100);

/// Where to listen when the usual port is taken.
const ANY_PORT: &str = "0.0.0.0:0";
