//! Line mode: one conversation, for people or for programs, a line at a time.

pub(crate) mod human;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod session;
