//! The values of settings, parsed by the rules of the command line flags.

use std::{fmt, marker::PhantomData, path::PathBuf};

use chat_core::{Address, PersonName, RoomName};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

use crate::args;

/// A type that a setting can have.
pub(crate) trait Value: Sized {
    /// Parses the value of an environment variable or a string of the settings file.
    ///
    /// # Errors
    /// The reason why `raw` is invalid.
    fn parse(raw: &str) -> Result<Self, String>;
}

impl Value for PersonName {
    fn parse(raw: &str) -> Result<PersonName, String> {
        PersonName::parse(raw).map_err(|why| format!("not a valid name: {why}"))
    }
}

impl Value for RoomName {
    fn parse(raw: &str) -> Result<RoomName, String> {
        RoomName::parse(raw).map_err(|why| format!("not a valid room name: {why}"))
    }
}

impl Value for Address {
    fn parse(raw: &str) -> Result<Address, String> {
        args::server(raw).map_err(|why| format!("not a valid server: {why}"))
    }
}

impl Value for PathBuf {
    fn parse(raw: &str) -> Result<PathBuf, String> {
        if raw.is_empty() { Err("not a file: the path is empty".to_owned()) } else { Ok(PathBuf::from(raw)) }
    }
}

impl<T: Value> Value for Option<T> {
    fn parse(raw: &str) -> Result<Option<T>, String> {
        T::parse(raw).map(Some)
    }
}

/// A list: an array in the file, separated by commas in an environment variable.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T: Value> Value for List<T> {
    fn parse(raw: &str) -> Result<List<T>, String> {
        raw.split(',').map(|item| T::parse(item.trim())).collect::<Result<_, _>>().map(List)
    }
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Colours {
    /// On terminals with colours, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl Value for Colours {
    fn parse(raw: &str) -> Result<Colours, String> {
        match raw {
            "auto" => Ok(Colours::Auto),
            "always" => Ok(Colours::Always),
            "never" => Ok(Colours::Never),
            _ => Err("colours must be auto, always or never".to_owned()),
        }
    }
}

impl fmt::Display for Colours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Colours::Auto => "auto",
            Colours::Always => "always",
            Colours::Never => "never",
        })
    }
}

/// Whether the terminal bell rings when a message mentions the user's name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Notifications {
    #[default]
    On,
    Off,
}

impl Value for Notifications {
    fn parse(raw: &str) -> Result<Notifications, String> {
        match raw {
            "on" => Ok(Notifications::On),
            "off" => Ok(Notifications::Off),
            _ => Err("notifications must be on or off".to_owned()),
        }
    }
}

impl fmt::Display for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Notifications::On => "on",
            Notifications::Off => "off",
        })
    }
}

/// Whether links are encrypted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Encryption {
    #[default]
    On,
    Off,
}

impl Value for Encryption {
    fn parse(raw: &str) -> Result<Encryption, String> {
        match raw {
            "on" => Ok(Encryption::On),
            "off" => Ok(Encryption::Off),
            _ => Err("encryption must be on or off".to_owned()),
        }
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Encryption::On => "on",
            Encryption::Off => "off",
        })
    }
}

/// A value in the settings file.
#[derive(Debug)]
pub(super) struct InFile<T>(pub(super) T);

// Deserialized by a visitor, because serde reports the error of a visitor at the position of the value, also in an array.
impl<'de, T: Value> Deserialize<'de> for InFile<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<InFile<T>, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

struct Text<T>(PhantomData<T>);

impl<T: Value> Visitor<'_> for Text<T> {
    type Value = InFile<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, raw: &str) -> Result<InFile<T>, E> {
        T::parse(raw).map(InFile).map_err(E::custom)
    }
}
