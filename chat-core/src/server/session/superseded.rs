//! Why a link no longer speaks for its session.

/// The link no longer speaks for the session: a newer one does, or the session has ended.
#[derive(Debug)]
pub(crate) struct Superseded;

/// Why a link gets no more frames.
#[derive(Debug)]
pub(crate) enum NoFrames {
    /// Another link speaks for the session.
    Superseded,
    /// The log has forgotten a room that the session was in.
    RoomForgotten,
}

impl From<Superseded> for NoFrames {
    fn from(Superseded: Superseded) -> NoFrames {
        NoFrames::Superseded
    }
}
