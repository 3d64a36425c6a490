//! One link of a client: the task that drives it, its state, and the login over it.

mod connection;
mod driver;
mod full;
mod login;
mod pace;
mod requests;

pub(super) use self::{driver::drive, full::full};
