//! Tickets: what they hold, and the keys with which a server seals them and opens them again (protocol 19.18, 19.19).

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use chat_core::{KeyId, SharedRuntime};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::{
    key::{self, unguessable},
    suite::{RawKey, TAG},
};

/// The keys with which a server seals tickets: one is used for a day, and opens tickets for one more. Clones share the keys,
/// so that a ticket of one transport of a server is good at another.
#[derive(Clone)]
pub struct TicketKeys(Arc<Shared>);

struct Shared {
    keys: Mutex<Keys>,
    /// The file in which the keys are kept, so that tickets outlive a restart.
    path: Option<PathBuf>,
    runtime: SharedRuntime,
}

#[derive(Clone)]
struct Keys {
    /// When the newer key was made, in seconds since 1970.
    made: u64,
    newer: RawKey,
    older: RawKey,
}

/// What a ticket holds.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Contents {
    /// The client's key.
    pub(crate) client: KeyId,
    /// What only the client knows beside the server.
    pub(crate) secret: RawKey,
    /// When both ends last proved their keys, in seconds since 1970. A further ticket keeps that time.
    pub(crate) proved: u64,
}

impl TicketKeys {
    /// Keys that end with this program.
    pub fn in_memory(runtime: SharedRuntime) -> TicketKeys {
        let keys = Keys::generate(&runtime);
        TicketKeys(Arc::new(Shared { keys: Mutex::new(keys), path: None, runtime }))
    }

    /// The keys in the file at `path`. If there is none, or if other people can read it, or if it holds something else, new
    /// keys take its place: that costs the clients of this server one longer handshake each.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn in_file(path: &Path, runtime: SharedRuntime) -> io::Result<TicketKeys> {
        let keys = match key::read_private(path, IN_FILE).ok().and_then(|bytes| Keys::from_bytes(&bytes)) {
            Some(keys) => keys,
            None => {
                let keys = Keys::generate(&runtime);
                key::replace_private(path, &keys.to_bytes(), &*runtime)?;
                keys
            }
        };
        Ok(TicketKeys(Arc::new(Shared { keys: Mutex::new(keys), path: Some(path.to_owned()), runtime })))
    }

    /// Seals a ticket of the server with the key `server`.
    pub(crate) fn seal(&self, ticket: &Contents, server: KeyId) -> Vec<u8> {
        let keys = self.of_today();
        let random = unguessable(&*self.0.runtime);
        let mut sealed = random[..NONCE_LEN].to_vec();
        let mut inside = [0; INSIDE];
        inside[..32].copy_from_slice(&ticket.client.0);
        inside[32..64].copy_from_slice(&ticket.secret);
        inside[64..].copy_from_slice(&ticket.proved.to_be_bytes());
        let tag = aead(&keys.newer)
            .seal_in_place_separate_tag(nonce(&sealed), Aad::from(server.0), &mut inside)
            .expect("a ticket is far smaller than what a nonce can seal");
        sealed.extend(inside);
        sealed.extend(tag.as_ref());
        sealed
    }

    /// What is in a ticket that this server has sealed and that is good; nothing of any other.
    pub(crate) fn open(&self, sealed: &[u8], server: KeyId) -> Option<Contents> {
        if sealed.len() != SEALED {
            return None;
        }
        let (number, rest) = sealed.split_at(NONCE_LEN);
        let keys = self.of_today();
        let inside: [u8; INSIDE] = [keys.newer, keys.older].iter().find_map(|key| {
            let mut rest = rest.to_vec();
            let inside = aead(key).open_in_place(nonce(number), Aad::from(server.0), &mut rest).ok()?;
            (&*inside).try_into().ok()
        })?;
        let (client, rest) = inside.split_first_chunk()?;
        let (secret, proved) = rest.split_first_chunk()?;
        let ticket = Contents {
            client: KeyId(*client),
            secret: *secret,
            proved: u64::from_be_bytes(proved.try_into().ok()?),
        };
        (ticket.proved.abs_diff(self.now()) < GOOD_FOR).then_some(ticket)
    }

    /// The time, in seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        seconds(self.0.runtime.wall_clock())
    }

    /// The keys, of which the newer one is replaced if it is a day old.
    fn of_today(&self) -> Keys {
        let mut keys = self.lock();
        let age = keys.made.abs_diff(self.now());
        if age >= DAY {
            let fresh = Keys::generate(&self.0.runtime);
            let older = if age < 2 * DAY { keys.newer } else { fresh.older };
            *keys = Keys { older, ..fresh };
            if let Some(path) = &self.0.path
                && let Err(error) = key::replace_private(path, &keys.to_bytes(), &*self.0.runtime)
            {
                tracing::warn!(
                    path = %path.display(), %error,
                    "the new key of tickets cannot be kept; after a restart clients do a longer handshake"
                );
            }
        }
        keys.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn generate(runtime: &SharedRuntime) -> Keys {
        // The older key has sealed nothing, and nobody knows it.
        let (newer, older) = (unguessable(&**runtime), unguessable(&**runtime));
        Keys { made: seconds(runtime.wall_clock()), newer, older }
    }

    fn to_bytes(&self) -> Vec<u8> {
        [&self.made.to_be_bytes()[..], &self.newer, &self.older].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Keys> {
        let (made, rest) = bytes.split_first_chunk()?;
        let (newer, older) = rest.split_first_chunk()?;
        Some(Keys { made: u64::from_be_bytes(*made), newer: *newer, older: older.try_into().ok()? })
    }
}

fn aead(key: &RawKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the cipher has keys of 32 bytes"))
}

fn nonce(bytes: &[u8]) -> Nonce {
    Nonce::try_assume_unique_for_key(&bytes[..NONCE_LEN]).expect("it has the length of a nonce")
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl fmt::Debug for TicketKeys {
    // The keys stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").field("client", &self.client).finish_non_exhaustive()
    }
}

/// How long a key seals, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// How long after both ends proved their keys a ticket is good, in seconds.
const GOOD_FOR: u64 = 2 * DAY;

/// A key, a secret and a time.
const INSIDE: usize = 32 + 32 + 8;

/// The bytes of the file: a time and two keys.
const IN_FILE: u64 = 8 + 32 + 32;

/// The bytes of a ticket.
pub(crate) const SEALED: usize = NONCE_LEN + INSIDE + TAG;

#[cfg(test)]
mod tests;
