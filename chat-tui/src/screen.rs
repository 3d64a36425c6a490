//! The screen: `chat join` on a terminal. `app::App` is its state, without terminal and client; `draw` shows it;
//! `driver` is where keys, the conversation and the clock come together.

mod app;
mod backlog;
mod commands;
mod complete;
mod draw;
mod driver;
mod item;
mod layout;
mod list;
mod notices;
mod reading;
mod room;
mod scroll;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod typed;

pub use driver::{Options, run};
