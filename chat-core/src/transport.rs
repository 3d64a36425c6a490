//! The seam at which transports plug in: a [`Transport`] dials and listens, a [`Link`] carries whole frames.
//!
//! A transport only carries frames. Where it does not promise order or delivery, the sessions above it make up for that,
//! once for all transports. No code asks which transport a link belongs to; it asks for its [`Promises`].

use std::{collections::BTreeMap, fmt, io, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures::{FutureExt, Sink, Stream, TryFutureExt, future::BoxFuture, stream::BoxStream};

use crate::{Address, KeyId, wire::MAX_FRAME};

mod partial;

pub use self::partial::{PartialFrames, one_host};

/// A connection that carries whole frames both ways: any framed stream and sink is one.
///
/// * A frame is any bytes, 1 to [`Promises::max_frame`] of them, and a transport never reads them: the bytes that one
///   end gave to its sink come out of the other end's stream, never split, merged or changed. So a layer that encrypts,
///   or does anything else to frames, can stand on every transport.
/// * The end that dialled sends first; the other end's first frame follows one of those.
/// * The stream ends (`None`) when the peer closed the link in an orderly way. An error ends it too; an error of the kind
///   `InvalidData` says that the peer's bytes are not frames: the sink then still works, so that the peer can be told,
///   as it does after one of the kind `QuotaExceeded`, which says that the link held too much of an unfinished frame.
/// * The sink may gather frames until it is flushed, but holds at most some 64 KiB: it is then not ready until the peer
///   takes some.
/// * Dropping a link closes it.
/// * One task owns a link; stream and sink are polled from the same task.
pub trait Link: Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Send {}

impl<T: Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Send + ?Sized> Link for T {}

/// A link whose transport no longer matters.
pub type BoxLink = Pin<Box<dyn Link>>;

/// One way to carry frames, named by the scheme of its addresses.
///
/// The contract is small on purpose; `docs/transports.md` walks through an implementation.
pub trait Transport: Send + Sync + 'static {
    /// The promises that every link of this transport keeps.
    fn promises(&self) -> Promises;

    /// How this transport carries frames, as names and values such as `Nagle's algorithm` and `off`. Comparisons of
    /// transports print them; nothing else depends on them.
    fn settings(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Begins to accept links at `address`.
    ///
    /// # Errors
    /// When the address cannot be understood or bound; the message says why.
    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>>;

    /// Makes a link to the server at `address`. Does nothing until polled; dropping the future gives up cleanly.
    ///
    /// # Errors
    /// When no server can be reached there; the message says why.
    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>>;

    /// Makes a link as [`dial`](Transport::dial) does, and says what its handshake proved. A transport whose handshake
    /// proves nothing leaves this as it is.
    ///
    /// # Errors
    /// As [`dial`](Transport::dial). An error of the kind `PermissionDenied` is final: this program does not want that
    /// server, and dialling again changes nothing.
    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Dialled>> {
        self.dial(address).map_ok(|link| Dialled { link, server: None, binding: None }).boxed()
    }
}

// So that a layer such as one that encrypts can stand on a transport of a registry.
impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn promises(&self) -> Promises {
        (**self).promises()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        (**self).settings()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        (**self).listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        (**self).dial(address)
    }

    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Dialled>> {
        (**self).connect(address)
    }
}

/// A link that was dialled, and what its handshake proved.
pub struct Dialled {
    /// The link itself.
    pub link: BoxLink,
    /// The key that the server has proved.
    pub server: Option<KeyId>,
    /// See [`Peer::binding`].
    pub binding: Option<Binding>,
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What only the two ends of one encrypted link know alike: the hash of its handshake (protocol 19.15). A machine that
/// stands between two ends has two links, with two of these.
pub type Binding = [u8; 32];

/// A listener that has begun: where it listens, and the links as they come.
pub struct Listening {
    /// The address clients can dial, with the port that was picked if 0 was asked for.
    pub address: Address,
    /// The links, in the order accepted. The stream does not end while the listener lives: it waits out whatever keeps
    /// one link from being accepted (no descriptors, a peer that gave up). Dropping the stream closes the listener and
    /// leaves accepted links alone.
    pub incoming: BoxStream<'static, Incoming>,
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A link that was accepted, and the peer at its other end.
pub struct Incoming {
    /// The link itself.
    pub link: BoxLink,
    /// The peer at its other end.
    pub peer: Peer,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The other end of an accepted link, for logs and for limits per host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Host and port, or another address of the transport; shown in logs.
    pub address: String,
    /// The host alone, for limits. It says nothing about who the peer is: many people may share an address.
    pub host: String,
    /// Whether that machine is this one. Such peers are not limited in number.
    pub local: bool,
    /// The key that the peer has proved to the transport; none if the transport asks for no proof.
    pub identity: Option<KeyId>,
    /// What a proof over this link is bound to; none where the link is not encrypted.
    pub binding: Option<Binding>,
}

/// What the links of a transport promise, as data for sessions and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Promises {
    /// Frames arrive in the order they were sent.
    pub ordered: bool,
    /// Every frame arrives exactly once, or the link ends.
    pub reliable: bool,
    /// The largest frame that a link carries, in bytes, in both directions. At least [`MAX_FRAME`], so that a room never
    /// holds an entry that one of its members cannot be sent (protocol 1.3); a transport that carries
    /// [`MAX_LINK_FRAME`] has room for a layer that encrypts.
    pub max_frame: usize,
}

impl Promises {
    /// Whether every frame arrives once and in order, or the link ends. Both ends ask this, and nothing else, to
    /// decide whether requests are repeated and entries repaired (protocol 17): a link that keeps only one of the
    /// two promises is treated like one that keeps neither.
    pub fn is_lossless(&self) -> bool {
        self.ordered && self.reliable
    }
}

/// The largest frame that TCP and the in-memory transport carry, in bytes: 64 more than the largest frame of the
/// protocol, as room for a layer between sessions and transport, such as one that encrypts.
pub const MAX_LINK_FRAME: usize = MAX_FRAME + 64;

/// The transports that a program knows, by scheme.
#[derive(Clone, Default)]
pub struct Transports {
    by_scheme: BTreeMap<String, Arc<dyn Transport>>,
}

impl Transports {
    /// Without any transport yet.
    pub fn new() -> Transports {
        Transports::default()
    }

    /// Adds `transport` under `scheme`, in place of the one that had it.
    #[must_use]
    pub fn with(mut self, scheme: &str, transport: impl Transport) -> Transports {
        self.by_scheme.insert(scheme.to_owned(), Arc::new(transport));
        self
    }

    /// These transports with `layer` on each, under the same schemes.
    #[must_use]
    pub fn map<T: Transport>(&self, layer: impl Fn(Arc<dyn Transport>) -> T) -> Transports {
        let layered = |(scheme, inner): (&String, &Arc<dyn Transport>)| {
            let transport: Arc<dyn Transport> = Arc::new(layer(inner.clone()));
            (scheme.clone(), transport)
        };
        Transports { by_scheme: self.by_scheme.iter().map(layered).collect() }
    }

    /// The schemes known, in alphabetical order.
    pub fn schemes(&self) -> impl Iterator<Item = &str> {
        self.by_scheme.keys().map(String::as_str)
    }

    /// The transport for `address`.
    ///
    /// # Errors
    /// When no transport has its scheme, or its transport does not carry the largest frame of the protocol.
    pub fn get(&self, address: &Address) -> Result<Arc<dyn Transport>, NoTransport> {
        let Some(transport) = self.by_scheme.get(address.scheme()) else {
            let known: Vec<&str> = self.schemes().collect();
            return Err(NoTransport::UnknownScheme {
                scheme: address.scheme().to_owned(),
                known: known.join(", "),
            });
        };
        let max_frame = transport.promises().max_frame;
        if max_frame < MAX_FRAME {
            return Err(NoTransport::SmallFrames { scheme: address.scheme().to_owned(), max_frame });
        }
        Ok(transport.clone())
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.schemes()).finish()
    }
}

/// Why an address has no usable transport.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoTransport {
    /// The transport cannot carry every message of the protocol.
    #[error("{scheme} carries frames of at most {max_frame} bytes; the protocol needs {MAX_FRAME}")]
    SmallFrames {
        /// The scheme asked for.
        scheme: String,
        /// What its transport carries, in bytes.
        max_frame: usize,
    },
    /// No transport has this scheme.
    #[error("no transport is called {scheme}; there is {known}")]
    UnknownScheme {
        /// The scheme asked for.
        scheme: String,
        /// Those that exist, with commas.
        known: String,
    },
}

impl From<NoTransport> for io::Error {
    fn from(error: NoTransport) -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, error)
    }
}
