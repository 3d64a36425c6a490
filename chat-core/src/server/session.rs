//! Sessions: what the server keeps for one client, across that client's links.

mod attachment;
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
mod superseded;

pub(super) use self::{
    attachment::Attachment,
    inbox::{Conflict, Direct, Inbox, Telling},
    join_log::{JoinOutcome, Known},
    membership::Membership,
    pages::page_frame,
    reads::{LogAnswer, NextRead},
    sequence::{RefusedForNow, Turn},
    state::{Session, State},
    superseded::{NoFrames, Superseded},
};
