//! The frame that a link holds a part of, as one of those that the listener bounds for each host and in all.

use std::{
    fmt, io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
};

use chat_core::transport::PartialFrames;
use futures::task::AtomicWaker;

/// The unfinished frames of all links of a listener.
pub(crate) type Halves = PartialFrames<usize, Arc<Cut>>;

/// How a link is told that it holds too much.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    waker: AtomicWaker,
    is_cut: AtomicBool,
}

/// What one link holds of a frame that has begun.
pub(crate) struct Half {
    halves: Arc<Halves>,
    /// There while the link holds something.
    held: Option<Arc<Cut>>,
}

impl Half {
    pub(crate) fn new(halves: Arc<Halves>) -> Half {
        Half { halves, held: None }
    }

    /// Takes note that the link from `host` holds so many bytes.
    ///
    /// # Errors
    /// When it has to end, as it holds the most of those that hold too much.
    pub(crate) fn hold(
        &mut self,
        bytes: usize,
        host: impl FnOnce() -> Option<IpAddr>,
        cx: &Context<'_>,
    ) -> io::Result<()> {
        let Some(host) = host() else { return Ok(()) };
        let cut = self.held.get_or_insert_default();
        cut.waker.register(cx.waker());
        if !cut.is_cut.load(Ordering::Acquire) {
            for over in self.halves.hold(Arc::as_ptr(cut).addr(), host, bytes, cut.clone()) {
                over.is_cut.store(true, Ordering::Release);
                over.waker.wake();
            }
        }
        if cut.is_cut.load(Ordering::Acquire) { Err(too_much(bytes)) } else { Ok(()) }
    }

    /// The frame is complete, or the link gone.
    pub(crate) fn release(&mut self) {
        if let Some(cut) = self.held.take() {
            self.halves.release(&Arc::as_ptr(&cut).addr());
        }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Half").field("held", &self.held).finish_non_exhaustive()
    }
}

fn too_much(bytes: usize) -> io::Error {
    let message = format!(
        "too many frames have begun and are not complete, and this link holds the most of them ({bytes} bytes); \
         send each frame whole"
    );
    io::Error::new(io::ErrorKind::QuotaExceeded, message)
}
