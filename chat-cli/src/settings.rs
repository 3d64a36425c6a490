//! The settings of this account, from the environment and the settings file: the defaults of the command line.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use chat_core::{Address, PersonName, RoomName};
use etcetera::BaseStrategy;

use crate::args::{Person, UsualPassword};

pub(crate) mod ask;
pub(crate) mod file;
mod setting;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use setting::{Origin, Setting};
pub(crate) use value::{Colours, Notifications};
use value::{Encryption, List, Value};

/// All settings, each with its origin.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The user's name; `None` stands for the login name.
    pub(crate) name: Setting<Option<PersonName>>,
    /// The rooms to join.
    pub(crate) rooms: Setting<Vec<RoomName>>,
    pub(crate) server: Setting<Address>,
    pub(crate) colours: Setting<Colours>,
    pub(crate) notifications: Setting<Notifications>,
    /// Whether links are encrypted.
    pub(crate) encryption: Setting<Encryption>,
    /// The file whose first line is the server's password.
    pub(crate) password_file: Setting<Option<PathBuf>>,
    /// The server for which alone that password is meant, if one is named beside it.
    pub(crate) password_server: Option<Address>,
    /// The path of the settings file; `None` if this account has no directory for settings.
    pub(crate) path: Option<PathBuf>,
    /// Whether the settings file exists.
    pub(crate) has_file: bool,
}

impl Settings {
    /// Loads the settings of this account.
    ///
    /// # Errors
    /// The first invalid value in the settings file or an environment variable, with its place.
    pub(crate) fn load() -> anyhow::Result<Settings> {
        Settings::resolve(path(), |name| std::env::var_os(name))
    }

    fn resolve(
        path: Option<PathBuf>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<Settings> {
        let written = path.as_deref().map(file::read).transpose()?.flatten();
        let has_file = written.is_some();
        let written = written.unwrap_or_default();
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let name: Setting<Option<PersonName>> = optional("CHAT_NAME", variable, written.name)?;
        let rooms = choose("CHAT_ROOMS", variable, written.rooms, || List(vec![lobby()]))?;
        let password_file = optional("CHAT_PASSWORD_FILE", variable, written.password_file)?;
        let server_in_file = written.server.as_ref().map(|server| server.value.clone());
        let server = choose("CHAT_SERVER", variable, written.server, default_server)?;
        // A variable that names another server for now does not send the password of the file there.
        let password_server = match password_file.origin {
            Origin::File(_) => server_in_file,
            _ => (server.origin != Origin::BuiltIn).then(|| server.value.clone()),
        };
        Ok(Settings {
            name,
            rooms: rooms.map(|List(rooms)| rooms),
            server,
            password_server,
            colours: choose("CHAT_COLOURS", variable, written.colours, Colours::default)?,
            notifications: choose(
                "CHAT_NOTIFICATIONS",
                variable,
                written.notifications,
                Notifications::default,
            )?,
            encryption: choose("CHAT_ENCRYPTION", variable, written.encryption, Encryption::default)?,
            password_file: match (password_file.origin, path.as_deref().and_then(Path::parent)) {
                (Origin::File(_), Some(folder)) => {
                    password_file.map(|path| path.map(|path| resolve_path(folder, &path)))
                }
                _ => password_file,
            },
            path,
            has_file,
        })
    }

    /// The server to connect to: `named`, or else the one from the settings.
    pub(crate) fn server(&self, named: Option<Address>) -> Address {
        named.unwrap_or_else(|| self.server.value.clone())
    }

    /// The server to connect to if the command line or the settings name one.
    pub(crate) fn known_server(&self, named: Option<Address>) -> Option<Address> {
        let is_set = self.server.origin != Origin::BuiltIn;
        named.or_else(|| is_set.then(|| self.server.value.clone()))
    }

    /// The rooms to join: `named`, or else the ones from the settings.
    pub(crate) fn rooms(&self, named: Vec<RoomName>) -> Vec<RoomName> {
        if named.is_empty() { self.rooms.value.clone() } else { named }
    }

    /// The person who joins: missing options are filled in from the settings.
    pub(crate) fn person(&self, mut person: Person) -> Person {
        person.usual_name = self.name.value.clone();
        person.unencrypted |= self.encryption.value == Encryption::Off;
        person.usual_password = self
            .password_file
            .value
            .clone()
            .map(|file| UsualPassword { file, server: self.password_server.clone() });
        person
    }
}

/// The value of a setting: from the environment, or else from the file, or else `built_in`.
fn choose<T: Value>(
    name: &'static str,
    variable: impl Fn(&'static str) -> Option<OsString>,
    written: Option<Setting<T>>,
    built_in: impl FnOnce() -> T,
) -> anyhow::Result<Setting<T>> {
    let Some(raw) = variable(name) else {
        return Ok(written.unwrap_or_else(|| Setting { value: built_in(), origin: Origin::BuiltIn }));
    };
    let raw = raw.to_str().with_context(|| format!("{name}: the value is not UTF-8"))?;
    let value = T::parse(raw).map_err(|why| anyhow!("{name}: {why}"))?;
    Ok(Setting { value, origin: Origin::Environment(name) })
}

fn optional<T: Value>(
    name: &'static str,
    variable: impl Fn(&'static str) -> Option<OsString>,
    written: Option<Setting<T>>,
) -> anyhow::Result<Setting<Option<T>>> {
    let written = written.map(|setting| setting.map(Some));
    choose(name, variable, written, || None)
}

/// The path of the settings file of this account.
pub(crate) fn path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("chat").join("config.toml"))
}

/// Resolves the path `named` from a settings file in `folder`; `~` stands for the home directory.
fn resolve_path(folder: &Path, named: &Path) -> PathBuf {
    match (named.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => folder.join(named),
    }
}

fn lobby() -> RoomName {
    RoomName::parse(LOBBY).expect("a valid name")
}

fn default_server() -> Address {
    DEFAULT_SERVER.parse().expect("a valid address")
}

/// The room to join if none is named.
const LOBBY: &str = "lobby";

/// The server to connect to if none is named and the command does not search for one.
const DEFAULT_SERVER: &str = "tcp://127.0.0.1:7000";
