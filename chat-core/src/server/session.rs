//! Sessions: what the server keeps for one client, across that client's links.

mod heads;
mod inbox;
mod join_log;
mod liveness;
mod membership;
mod pages;
mod reads;
mod send_window;
mod sequence;
mod state;

pub(super) use self::{
    inbox::{Conflict, Direct, Inbox, Telling},
    join_log::{JoinOutcome, Known},
    membership::Membership,
    pages::page_frame,
    reads::{LogAnswer, NextRead},
    sequence::Turn,
    state::{Attachment, NoFrames, RefusedForNow, Session, State, Superseded},
};
