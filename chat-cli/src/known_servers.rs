//! The servers that this account knows, each by its key: trusted at first use, and checked from then on.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use chat_core::{Address, KeyId};
use chat_secure::fingerprint;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{place::place, state_file};

/// A server that this account knows.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct KnownServer {
    pub(crate) key: KeyId,
    /// The key as people compare it.
    pub(crate) fingerprint: String,
    /// The names under which it was found on the network.
    pub(crate) names: Vec<String>,
    /// Its hosts and ports.
    pub(crate) addresses: Vec<String>,
    /// In milliseconds since 1970 (UTC), as is `last_seen`.
    pub(crate) first_seen: u64,
    pub(crate) last_seen: u64,
    pub(crate) verified: Verified,
}

/// Why a server's key is taken to be the right one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verified {
    /// It was the first one at its address.
    FirstUse,
    /// The server has proved that it knows the password.
    Password,
    /// The user has accepted it.
    ByHand,
}

/// What this account knows of a server that is announced.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Its key is known.
    Known,
    /// Neither its key, nor its name, nor its address is known.
    New,
    /// Its name or its address belongs to another key.
    AnotherKey,
}

/// A server as it was met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) address: &'a Address,
    /// The name under which it was found, if the user did not name its address.
    pub(crate) name: Option<&'a str>,
    /// The key that it has proved.
    pub(crate) key: KeyId,
}

/// The servers that this account knows, in a file that all programs of the account share.
#[derive(Clone, Debug)]
pub(crate) struct KnownServers {
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    File(PathBuf),
    /// Where this account has no directory for state: until the program ends.
    Memory(Arc<Mutex<Vec<KnownServer>>>),
}

impl KnownServers {
    /// Those of this account.
    pub(crate) fn of_account() -> KnownServers {
        let store = state_file::path(FILE).map_or_else(|| Store::Memory(Arc::default()), Store::File);
        KnownServers { store }
    }

    /// Those in the file at `path`.
    #[cfg(test)]
    fn at(path: &Path) -> KnownServers {
        KnownServers { store: Store::File(path.to_owned()) }
    }

    /// Checks the key of a server. A server that is met for the first time is known from then on; the log says so if that
    /// cannot be stored.
    ///
    /// # Errors
    /// The reason why the server is not to be joined: its address or its name belongs to another key, or the file cannot be
    /// read.
    pub(crate) fn check(&self, seen: Seen<'_>) -> Result<(), String> {
        // Most of the time nothing has changed, and then no program waits for another.
        let known = self.read()?;
        other_key(&known, seen)?;
        if is_up_to_date(&known, seen) {
            return Ok(());
        }
        let noted = self.change(|known| {
            other_key(known, seen)?; // another program may have met another server meanwhile
            note(known, seen, Verified::FirstUse);
            Ok(())
        });
        match noted {
            Err(Changed::Refused(why)) => Err(why),
            Err(Changed::NotStored(error)) => {
                tracing::warn!(%error, key = fingerprint(seen.key), "the server's key cannot be stored");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// What this account knows of a server that is announced under `name`, at `urls`, with `key`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn standing(&self, name: &str, urls: &[Address], key: KeyId) -> Result<Standing, String> {
        let known = self.read()?;
        let seen = |address| Seen { address, name: Some(name), key };
        Ok(match urls.iter().any(|address| other_key(&known, seen(address)).is_err()) {
            true => Standing::AnotherKey,
            false if known.iter().any(|server| server.key == key) => Standing::Known,
            false => Standing::New,
        })
    }

    /// Takes the key of `seen` for the right one from now on, in place of any other at its address or of its name.
    ///
    /// # Errors
    /// When that cannot be stored.
    pub(crate) fn trust(&self, seen: Seen<'_>, verified: Verified) -> Result<(), String> {
        let place = place(seen.address);
        let trusted = self.change(|known| {
            for other in known.iter_mut().filter(|other| other.key != seen.key) {
                other.addresses.retain(|address| *address != place);
                other.names.retain(|name| Some(name.as_str()) != seen.name);
            }
            known.retain(|server| !server.addresses.is_empty() || server.key == seen.key);
            note(known, seen, verified);
            Ok(())
        });
        trusted.map_err(|why| why.to_string())
    }

    /// Forgets the servers that `named` stands for: a fingerprint, a name or an address. Returns them.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn forget(&self, named: &str) -> Result<Vec<KnownServer>, String> {
        let mut forgotten = Vec::new();
        let changed = self.change(|known| {
            let is_meant = |server: &mut KnownServer| server.is_called(named);
            forgotten = known.extract_if(.., is_meant).collect();
            Ok(())
        });
        changed.map(|()| forgotten).map_err(|why| why.to_string())
    }

    /// All of them, the one met last first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn list(&self) -> Result<Vec<KnownServer>, String> {
        let mut known = self.read()?;
        known.sort_by_key(|server| std::cmp::Reverse(server.last_seen));
        Ok(known)
    }

    fn read(&self) -> Result<Vec<KnownServer>, String> {
        match &self.store {
            Store::File(path) => read(path),
            Store::Memory(known) => Ok(known.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }

    /// Changes the list while no other program does.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<KnownServer>) -> Result<(), String>,
    ) -> Result<(), Changed> {
        match &self.store {
            Store::Memory(known) => {
                change(&mut known.lock().unwrap_or_else(PoisonError::into_inner)).map_err(Changed::Refused)
            }
            Store::File(path) => {
                let _lock = lock(path)?;
                let mut known = read(path).map_err(Changed::Refused)?;
                let before = known.clone();
                change(&mut known).map_err(Changed::Refused)?;
                if known != before {
                    state_file::write(path, &known)?;
                }
                Ok(())
            }
        }
    }
}

impl KnownServer {
    /// Whether `named` is its fingerprint, one of its names or one of its addresses.
    fn is_called(&self, named: &str) -> bool {
        let place = crate::args::server(named).map(|url| place(&url)).ok();
        self.fingerprint == named
            || self.names.iter().any(|name| name == named)
            || place.is_some_and(|place| self.addresses.contains(&place))
    }
}

/// Why the list was not changed.
#[derive(Debug, thiserror::Error)]
enum Changed {
    #[error("{0}")]
    Refused(String),
    #[error("the known servers cannot be stored: {0}")]
    NotStored(#[from] io::Error),
}

/// # Errors
/// One line that says which key is known and what to do, if the address or the name of `seen` belongs to another key.
fn other_key(known: &[KnownServer], seen: Seen<'_>) -> Result<(), String> {
    let place = place(seen.address);
    if known.iter().any(|server| {
        server.key == seen.key && server.verified == Verified::ByHand && server.addresses.contains(&place)
    }) {
        return Ok(());
    }
    let of_address = known.iter().find(|server| server.key != seen.key && server.addresses.contains(&place));
    let has_name = |server: &KnownServer| server.names.iter().any(|name| Some(name.as_str()) == seen.name);
    let is_own_name = known.iter().any(|server| server.key == seen.key && has_name(server));
    let of_name = known.iter().find(|server| !is_own_name && server.key != seen.key && has_name(server));
    let Some(other) = of_address.or(of_name) else { return Ok(()) };
    let whose = match (of_address, seen.name) {
        (None, Some(name)) => format!("the server called {name}"),
        _ => format!("the server at {place}"),
    };
    Err(format!(
        "{whose} had the key {} since {} and now shows {}: it was set up anew, or another machine answers in its place; if \
         you know why, `chat key trust {}` accepts the new key",
        other.fingerprint,
        day(other.first_seen),
        fingerprint(seen.key),
        seen.address,
    ))
}

/// Whether the list says all of `seen` already.
fn is_up_to_date(known: &[KnownServer], seen: Seen<'_>) -> bool {
    let place = place(seen.address);
    known.iter().any(|server| {
        server.key == seen.key
            && server.addresses.contains(&place)
            && seen.name.is_none_or(|name| server.names.iter().any(|known| known == name))
            && now().saturating_sub(server.last_seen) < SEEN_AGAIN
    })
}

/// Adds `seen` to the list.
fn note(known: &mut Vec<KnownServer>, seen: Seen<'_>, verified: Verified) {
    let now = now();
    let at = known.iter().position(|server| server.key == seen.key).unwrap_or_else(|| {
        known.push(KnownServer {
            key: seen.key,
            fingerprint: fingerprint(seen.key),
            names: Vec::new(),
            addresses: Vec::new(),
            first_seen: now,
            last_seen: now,
            verified,
        });
        known.len() - 1
    });
    let server = &mut known[at];
    server.last_seen = now;
    server.verified = server.verified.max(verified);
    let add = |to: &mut Vec<String>, value: String| {
        if !to.contains(&value) {
            to.push(value);
        }
    };
    add(&mut server.addresses, place(seen.address));
    if let Some(name) = seen.name {
        add(&mut server.names, name.to_owned());
    }
}

/// The list in the file at `path`, which is empty if there is no file.
///
/// # Errors
/// When the file cannot be read or holds something else: to go on would be to trust every server anew.
fn read(path: &Path) -> Result<Vec<KnownServer>, String> {
    let mut text = String::new();
    let read = match File::open(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => Err(error),
        Ok(file) => file.take(MAX_BYTES).read_to_string(&mut text),
    };
    let list = read.and_then(|_| serde_json::from_str(&text).map_err(io::Error::from));
    list.map_err(|error| {
        let path = path.display();
        format!("the known servers in {path} cannot be read ({error}); put the file back from a copy, or remove it to meet all servers anew")
    })
}

/// Waits until no other program changes the file at `path`, which no other program then does while the lock lives.
fn lock(path: &Path) -> io::Result<File> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let file = File::options().create(true).truncate(false).write(true).open(path.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

/// The day of a time in milliseconds since 1970 (UTC), in words.
pub(crate) fn day(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "long ago".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// The name of the state file.
const FILE: &str = "known-servers.json";
/// After how long it is noted again that a server was seen, in milliseconds: a day.
const SEEN_AGAIN: u64 = 86_400_000;
/// The largest file that is read, in bytes: thousands of servers.
const MAX_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests;
