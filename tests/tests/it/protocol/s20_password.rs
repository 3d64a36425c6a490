//! Protocol, section 20: the password over an encrypted link, which both ends prove and neither sends.

mod client;
mod secured;
mod server;
