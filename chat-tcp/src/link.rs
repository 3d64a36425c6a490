//! A link over a connected socket: frames in, frames out, and no memory held while it is idle.

use std::{
    cell::Cell,
    io,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{SharedRuntime, transport::MAX_LINK_FRAME};
use futures::{Sink, Stream};

use crate::{
    frame::Decoder, frame_deadline::FrameDeadline, half::Half, outbox::Outbox, readiness::Readiness,
};

/// The operations of a non-blocking socket that a link uses.
pub(crate) trait Socket: Send + Unpin {
    /// Reads the bytes that have come.
    ///
    /// # Errors
    /// Of the kind `WouldBlock` when none have.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as much as the kernel takes.
    ///
    /// # Errors
    /// Of the kind `WouldBlock` when it takes nothing.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Ready when bytes may have come since the last call; otherwise wakes the task once some have.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ready when the kernel may take more than at the last call; otherwise wakes the task once it does.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Tells the peer that nothing more will be written; reading goes on.
    fn finish(&self) -> io::Result<()>;

    /// The address of the peer, while there is one.
    fn host(&self) -> Option<IpAddr>;
}

/// A [`Link`](chat_core::transport::Link) of length-prefixed frames.
///
/// Frames are written when the link is flushed, or when more than 64 KiB have gathered; the link is then not ready for
/// more until the peer has taken some of those bytes.
pub(crate) struct TcpLink<S> {
    socket: S,
    runtime: SharedRuntime,
    frame_limit: Duration,

    readable: Readiness,
    decoder: Decoder,
    /// The bytes behind the last frame that came with the same read.
    rest: Bytes,
    deadline: FrameDeadline,
    /// Only at a listener, which bounds what peers may have it hold.
    half: Option<Half>,
    ended: bool,

    writable: Readiness,
    outbox: Outbox,
    finished: bool,
}

impl<S: Socket> TcpLink<S> {
    /// A link whose frames must be complete `frame_limit` after they began.
    pub(crate) fn new(socket: S, runtime: SharedRuntime, frame_limit: Duration) -> TcpLink<S> {
        TcpLink {
            socket,
            runtime,
            frame_limit,
            readable: Readiness::default(),
            decoder: Decoder::new(MAX_LINK_FRAME),
            rest: Bytes::new(),
            deadline: FrameDeadline::default(),
            half: None,
            ended: false,
            writable: Readiness::default(),
            outbox: Outbox::default(),
            finished: false,
        }
    }

    /// The same, whose unfinished frame counts among those of all links of a listener.
    pub(crate) fn with_half(self, half: Option<Half>) -> TcpLink<S> {
        TcpLink { half, ..self }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if let Some(frame) = self.decoder.decode(&mut self.rest).map_err(bad_data)? {
            return Poll::Ready(Ok(Some(frame)));
        }
        self.rest = Bytes::new(); // an empty slice would still keep its block of memory
        for _ in 0..READS_PER_POLL {
            match self.poll_read(cx)? {
                Poll::Ready(Read::Bytes) => {}
                Poll::Ready(Read::Frame(frame)) => return Poll::Ready(Ok(Some(frame))),
                Poll::Ready(Read::End) => return Poll::Ready(self.end()),
                Poll::Pending => return self.poll_deadline(cx),
            }
        }
        cx.waker().wake_by_ref(); // there may be more to read, but others have waited
        self.poll_deadline(cx)
    }

    /// Reads once, into a buffer that all links of this thread share.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Read>> {
        ready!(self.readable.poll(cx, |cx| self.socket.poll_readable(cx)))?;
        let mut scratch = SCRATCH.take();
        scratch.resize(READ_SIZE, 0);
        let outcome = match self.socket.read(&mut scratch) {
            Ok(0) => Ok(Read::End),
            Ok(n) => {
                if n < READ_SIZE {
                    self.readable.clear(); // the reactor tells of the next bytes, and of the end
                }
                self.take(&scratch[..n])
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => Ok(Read::Bytes),
                io::ErrorKind::WouldBlock => {
                    self.readable.clear();
                    Ok(Read::Bytes)
                }
                _ => Err(error),
            },
        };
        SCRATCH.set(scratch);
        Poll::Ready(outcome)
    }

    fn take(&mut self, mut input: &[u8]) -> io::Result<Read> {
        let Some(frame) = self.decoder.decode(&mut input).map_err(bad_data)? else {
            return Ok(Read::Bytes);
        };
        if !input.is_empty() {
            self.rest = Bytes::copy_from_slice(input);
        }
        Ok(Read::Frame(frame))
    }

    fn end(&self) -> io::Result<Option<Bytes>> {
        match self.decoder.partial_len() {
            0 => Ok(None),
            n => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the peer closed the link in the middle of a frame ({n} bytes of it had come)"),
            )),
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let n = self.decoder.partial_len();
        if n == 0 {
            self.deadline.rest(cx);
            return Poll::Pending;
        }
        if let Some(half) = &mut self.half {
            half.hold(n, || self.socket.host(), cx)?;
        }
        ready!(self.deadline.poll_expired(self.frame_limit, &*self.runtime, cx));
        let limit = self.frame_limit;
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("a frame was not complete {limit:?} after it began ({n} bytes of it had come)"),
        )))
    }

    /// Writes until at most `enough` bytes are left.
    fn poll_write(&mut self, enough: usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.outbox.unwritten().len() > enough {
            if self.writable.poll(cx, |cx| self.socket.poll_writable(cx))?.is_pending() {
                self.outbox.shrink();
                return Poll::Pending;
            }
            match self.socket.write(self.outbox.unwritten()) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => self.outbox.wrote(n),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => self.writable.clear(),
                    _ => return Poll::Ready(Err(error)),
                },
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The outcome of one read.
enum Read {
    /// A frame, and perhaps more in `rest`.
    Frame(Bytes),
    /// No frame yet.
    Bytes,
    /// The peer writes no more.
    End,
}

impl<S: Socket> Stream for TcpLink<S> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let outcome = ready!(this.poll_frame(cx)).transpose();
        this.deadline.frame_done();
        if let Some(half) = &mut this.half {
            half.release();
        }
        this.ended = !matches!(outcome, Some(Ok(_)));
        Poll::Ready(outcome)
    }
}

impl<S: Socket> Sink<Bytes> for TcpLink<S> {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_write(GATHERED_MAX, cx)
    }

    fn start_send(self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        let pushed = self.get_mut().outbox.push(&frame, MAX_LINK_FRAME);
        pushed.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_write(0, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write(0, cx))?;
        if !std::mem::replace(&mut this.finished, true) {
            match this.socket.finish() {
                Err(error) if error.kind() != io::ErrorKind::NotConnected => return Poll::Ready(Err(error)),
                _ => {} // a peer that is gone already needs no end of the stream
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn bad_data(error: crate::frame::FrameError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

thread_local! {
    /// The buffer of every read. Links of one thread never read at the same time, so none needs a buffer of its own.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes per read: some hundred messages, so that the cost of the call is spread over many. It is also the most that
/// a link holds for a session that does not take its frames.
const READ_SIZE: usize = 16 * 1024;

/// Reads that bring no whole frame before other tasks get their turn. The largest frame takes five.
const READS_PER_POLL: usize = 8;

/// Bytes that a link gathers before it writes: as many as the kernel is asked to hold.
const GATHERED_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
