//! The chat over Unix domain sockets: `unix:///run/chat.sock`.

use std::{fs, io, os::unix::fs::FileTypeExt, path::Path, time::Duration};

use async_io::Timer;
use async_net::unix::{UnixListener, UnixStream};
use asynchronous_codec::{Decoder, Encoder, Framed};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use chat_core::{
    Address,
    transport::{BoxLink, Incoming, Listening, MAX_LINK_FRAME, Peer, Promises, Transport},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};

/// Unix domain sockets. A server leaves no socket file behind, and takes over one that a killed server left.
#[derive(Clone, Copy, Debug)]
pub struct Unix;

impl Transport for Unix {
    fn promises(&self) -> Promises {
        Promises { ordered: true, reliable: true, max_frame: MAX_LINK_FRAME }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let path = path_of(address)?;
            let listener = bind(path).await.map_err(|error| about(address, error))?;
            let acceptor = Acceptor { listener, address: address.clone(), accepted: 0 };
            let incoming =
                stream::unfold(
                    acceptor,
                    |mut acceptor| async move { Some((acceptor.next().await, acceptor)) },
                );
            Ok(Listening { address: address.clone(), incoming: incoming.boxed() })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            let path = path_of(address)?;
            let stream = UnixStream::connect(path).await.map_err(|error| about(address, error))?;
            Ok(link(stream))
        }
        .boxed()
    }
}

/// Any framed stream and sink is a link.
fn link(stream: UnixStream) -> BoxLink {
    let mut framed = Framed::new(stream, Frames);
    framed.set_send_high_water_mark(GATHERED);
    Box::pin(framed)
}

/// A frame is preceded by its length: 32 bits, most significant byte first.
struct Frames;

impl Encoder for Frames {
    type Item<'a> = Bytes;
    type Error = io::Error;

    fn encode(&mut self, frame: Bytes, out: &mut BytesMut) -> io::Result<()> {
        check(frame.len(), io::ErrorKind::InvalidInput)?;
        out.reserve(HEAD + frame.len());
        out.put_u32(frame.len() as u32); // checked above
        out.put(frame);
        Ok(())
    }
}

impl Decoder for Frames {
    type Item = Bytes;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Bytes>> {
        let Some(head) = input.first_chunk::<HEAD>() else { return Ok(None) };
        let len = u32::from_be_bytes(*head) as usize;
        check(len, io::ErrorKind::InvalidData)?; // before anything is kept for it
        if input.len() < HEAD + len {
            return Ok(None);
        }
        input.advance(HEAD);
        Ok(Some(input.split_to(len).freeze()))
    }
}

fn check(len: usize, otherwise: io::ErrorKind) -> io::Result<()> {
    if len <= MAX_LINK_FRAME {
        return Ok(());
    }
    Err(io::Error::new(otherwise, format!("a frame of {len} bytes is over the limit of {MAX_LINK_FRAME}")))
}

/// Accepts links.
struct Acceptor {
    listener: UnixListener,
    address: Address,
    accepted: u64,
}

impl Acceptor {
    /// The next link. An error passes, such as that no file descriptor is free, so it is waited out.
    async fn next(&mut self) -> Incoming {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return Incoming { link: link(stream), peer: self.peer() },
                Err(_) => drop(Timer::after(PAUSE).await),
            }
        }
    }

    /// The peer of the next link. Clients have no address of their own, so they get a number; all are on this machine.
    fn peer(&mut self) -> Peer {
        self.accepted += 1;
        Peer {
            address: format!("{}#{}", self.address, self.accepted),
            host: "unix".to_owned(),
            local: true,
            identity: None,
            binding: None,
        }
    }
}

impl Drop for Acceptor {
    /// Removes the socket's file. The listener is dropped after it, so no other socket can have the path yet.
    fn drop(&mut self) {
        let _ = fs::remove_file(self.address.rest()); // an error means that it is gone already
    }
}

/// Binds `path`, in place of a socket file that a killed server left there.
async fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path).await => {
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

async fn is_left_over(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).await.is_err_and(refused)
}

fn path_of(address: &Address) -> io::Result<&Path> {
    let path = Path::new(address.rest());
    if path.is_absolute() {
        return Ok(path);
    }
    Err(about(address, io::Error::new(io::ErrorKind::InvalidInput, "write it like unix:///run/chat.sock")))
}

fn about(address: &Address, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}

/// Bytes of the length before a frame.
const HEAD: usize = 4;

/// How many bytes of frames are gathered before they have to be written.
const GATHERED: usize = 64 * 1024;

/// How long to wait when a link could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);
