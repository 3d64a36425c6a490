//! What every front end of the chat shares, be it a screen, lines, JSON or a bot.
//!
//! * [`Conversation`] is told commands and what the client reports, and answers with requests and [`Notice`]s. It does
//!   no I/O and knows no terminal.
//! * [`text`] puts notices into words, in which what others wrote can do no harm.
//! * [`Connector`] and [`Connection`] lead to a server and carry out what a conversation asks for.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod command;
pub mod connection;
mod connector;
pub mod conversation;
mod notice;
mod place;
pub mod text;

pub use connection::Connection;
pub use connector::{Connector, Identity};
pub use conversation::Conversation;
pub use notice::{EntryReason, Notice, Purpose};
pub use place::{Place, is_same};
