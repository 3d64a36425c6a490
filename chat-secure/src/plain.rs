//! A link that is not encrypted, whose first frame was read to find that out.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use chat_core::transport::BoxLink;
use futures::{Sink, SinkExt, Stream, StreamExt};

/// The link with its first frame in front again.
pub(crate) struct PlainLink {
    first: Option<Bytes>,
    inner: BoxLink,
}

impl PlainLink {
    pub(crate) fn new(inner: BoxLink, first: Bytes) -> PlainLink {
        PlainLink { first: Some(first), inner }
    }
}

impl Stream for PlainLink {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.inner.poll_next_unpin(cx),
        }
    }
}

impl Sink<Bytes> for PlainLink {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        self.inner.start_send_unpin(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_close_unpin(cx)
    }
}
