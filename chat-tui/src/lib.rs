//! The terminal interface of the chat: [`screen`] shows rooms, messages and people, and [`prompt`] edits one line below
//! what is printed. Nothing else in the workspace knows what a terminal can do.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod edit;
mod flow;
mod input;
pub mod prompt;
pub mod screen;
