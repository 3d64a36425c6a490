//! Why the hub does not open a session, or does not let a session enter a room.

use std::sync::Arc;

use crate::{
    RoomName,
    server::{accounts::Spent, session::Session},
};

/// Why a session cannot enter a room.
#[derive(Debug)]
pub(crate) enum NotEntered {
    /// The log is about to forget the room. A moment later it can be created again.
    BeingForgotten,
    /// The server has as many rooms as it takes.
    Full,
    /// The host has made as many rooms as one host may.
    HostFull,
    /// There is no such room, but this one, which looks like it.
    LooksLike(RoomName),
    /// The host or the person has entered or made too many of late.
    TooFast(Spent),
}

/// Why a session was not opened.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// Another session has the name.
    NameInUse(Arc<Session>),
    /// The name belongs to another person.
    NameOwned,
    /// Another session has the client id.
    ClientInUse,
    /// There are as many sessions as there may be.
    Full,
    /// The host has as many sessions as one host may have.
    HostFull,
    /// The host has opened too many of late.
    TooFast(Spent),
}
