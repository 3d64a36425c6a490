//! Text for people: lines of styled words, notices put into words, and what others wrote made safe to print.

pub mod en;
pub mod entry;
mod line;
mod phrase;
mod sanitize;
mod transcript;
mod wrap;

pub use line::{Line, colour_of};
pub use phrase::{Value, phrase};
pub use sanitize::Sanitized;
pub use transcript::Transcript;
