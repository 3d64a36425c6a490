//! One setting: its value and its origin.

use std::fmt;

/// A value and its origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// The origin of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// The environment variable of this name.
    Environment(&'static str),
    /// This line of the settings file.
    File(usize),
    /// The built-in default.
    BuiltIn,
}

impl<T> Setting<T> {
    pub(super) fn map<U>(self, to: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: to(self.value), origin: self.origin }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Environment(name) => f.write_str(name),
            Origin::File(line) => write!(f, "settings file, line {line}"),
            Origin::BuiltIn => f.write_str("default"),
        }
    }
}
