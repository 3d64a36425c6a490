//! Editing: what keys mean, the text they edit, and its rows on a terminal.

mod editor;
mod keys;
mod rows;

pub(crate) use editor::{Editor, Written};
pub(crate) use keys::{HELP, Key, Move, Way, meaning};
pub(crate) use rows::{PROMPT, rows};
