//! Protocol, section 14: what a client keeps to, alone against frames that a test writes, and with a server.

mod links;
mod machine;
mod requests;
