//! Encryption: one layer on every transport of the program, at both ends (protocol, section 19).

use std::io;

use chat_core::{
    Address, KeyId, SharedRuntime,
    transport::{BoxLink, Dialled, Listening, Promises, Transport, Transports},
};
use chat_secure::{Secured, StaticKey, TicketKeys, fingerprint};
use futures::{FutureExt, TryFutureExt, future::BoxFuture};

use crate::{
    known_servers::{KnownServers, Seen},
    place::place,
};

/// The transports of a server that has `key` and seals tickets with `tickets`. With `secure_only`, clients that do not encrypt
/// are refused.
pub(crate) fn of_server(
    transports: &Transports,
    (key, tickets): (&StaticKey, &TicketKeys),
    secure_only: bool,
    runtime: &SharedRuntime,
) -> Transports {
    transports.map(|transport| {
        let secured = Secured::new(transport, key.clone(), runtime.clone()).with_ticket_keys(tickets.clone());
        if secure_only { secured } else { secured.accepting_plain() }
    })
}

/// The transports of a client that has `key` and joins `server`: they lead to servers that encrypt, and to no server whose
/// key is another one than this account knows.
pub(crate) fn of_client(
    transports: &Transports,
    key: &StaticKey,
    server: &Expected,
    runtime: &SharedRuntime,
) -> Transports {
    transports.map(|transport| {
        let server = server.clone();
        let secured = Secured::new(transport, key.clone(), runtime.clone());
        Advised(secured.with_check(move |address, key| server.check(address, key)))
    })
}

/// The server that a client expects.
#[derive(Clone)]
pub(crate) struct Expected {
    url: Address,
    identity: Identity,
    known: KnownServers,
}

/// How the server is known before it is dialled.
#[derive(Clone)]
enum Identity {
    /// It runs in this process and has this key.
    Hosted(KeyId),
    /// It was found on the network under this name.
    FoundAs(String),
    /// The user has named its address.
    Named,
}

impl Expected {
    /// The server that runs in this process.
    pub(crate) fn hosted(url: Address, key: KeyId) -> Expected {
        Expected { url, identity: Identity::Hosted(key), known: KnownServers::of_account() }
    }

    /// The server at `url`, which was found on the network under a name or which the user has named.
    pub(crate) fn at(url: Address, found_as: Option<&str>) -> Expected {
        let identity = found_as.map_or(Identity::Named, |name| Identity::FoundAs(name.to_owned()));
        Expected { url, identity, known: KnownServers::of_account() }
    }

    /// # Errors
    /// The reason why the server at `address` is not to be joined, if it has `key`.
    fn check(&self, address: &Address, key: KeyId) -> Result<(), String> {
        let is_expected = place(address) == place(&self.url);
        let name = match &self.identity {
            Identity::Hosted(own) if is_expected => {
                return if *own == key { Ok(()) } else { Err(another_program(key)) };
            }
            Identity::FoundAs(name) if is_expected => Some(name.as_str()),
            _ => None,
        };
        self.known.check(Seen { address, name, key })
    }
}

fn another_program(key: KeyId) -> String {
    format!("another program answers there, with the key {}", fingerprint(key))
}

/// A transport whose refusals say what the user can do.
struct Advised<T>(T);

impl<T: Transport> Transport for Advised<T> {
    fn promises(&self) -> Promises {
        self.0.promises()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        self.0.settings()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.0.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.0.dial(address).map_err(advised).boxed()
    }

    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Dialled>> {
        self.0.connect(address).map_err(advised).boxed()
    }
}

/// Another try changes nothing about a server that does not encrypt.
fn advised(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported => {
            let words =
                format!("{error}; --unencrypted joins it, and everyone on the way can read what is said");
            io::Error::new(io::ErrorKind::PermissionDenied, words)
        }
        _ => error,
    }
}
