//! The screen: `chat join` on a terminal. [`app::App`] is its state, without terminal and client; [`draw`] shows it;
//! [`driver`] is where keys, the client and the clock come together.

mod app;
mod backlog;
mod commands;
mod complete;
mod draw;
mod driver;
pub(crate) mod editor;
mod flow;
mod heard;
pub(crate) mod input;
mod item;
pub(crate) mod keys;
mod layout;
mod list;
mod mention;
mod outbox;
mod reading;
mod room;
mod scroll;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod typed;

pub(crate) use driver::run;
