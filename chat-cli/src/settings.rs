//! What somebody always wants, from the environment or a file: used where the command line says nothing.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use chat_core::{Address, PersonName, RoomName};
use etcetera::BaseStrategy;

use crate::args::Person;

pub(crate) mod ask;
pub(crate) mod file;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use value::{Colours, Notifications};
use value::{List, Value};

/// All settings, each with where it comes from.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The name to be known by, unless it is that of the login.
    pub(crate) name: Setting<Option<PersonName>>,
    /// The rooms to enter.
    pub(crate) rooms: Setting<Vec<RoomName>>,
    pub(crate) server: Setting<Address>,
    pub(crate) colours: Setting<Colours>,
    pub(crate) notifications: Setting<Notifications>,
    /// The file whose first line is the server's password, if it has one.
    pub(crate) password_file: Setting<Option<PathBuf>>,
    /// Where the settings file is or would be; none if this account has no place for it.
    pub(crate) path: Option<PathBuf>,
    /// Whether it is there.
    pub(crate) is_there: bool,
}

/// A value, and where it comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// The environment variable of this name.
    Environment(&'static str),
    /// This line of the settings file.
    File(usize),
    BuiltIn,
}

impl Settings {
    /// The settings of this account.
    ///
    /// # Errors
    /// The first thing that is wrong with the settings file or a variable, and where.
    pub(crate) fn load() -> anyhow::Result<Settings> {
        Settings::resolve(path(), |name| std::env::var_os(name))
    }

    fn resolve(
        path: Option<PathBuf>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<Settings> {
        let written = path.as_deref().map(file::read).transpose()?.flatten();
        let is_there = written.is_some();
        let written = written.unwrap_or_default();
        let variable = |name| variable(name).filter(|it| !it.is_empty());
        let name: Setting<Option<PersonName>> = optional("CHAT_NAME", variable, written.name)?;
        let rooms = choose("CHAT_ROOMS", variable, written.rooms, || List(vec![lobby()]))?;
        let password_file = optional("CHAT_PASSWORD_FILE", variable, written.password_file)?;
        Ok(Settings {
            name,
            rooms: rooms.map(|List(rooms)| rooms),
            server: choose("CHAT_SERVER", variable, written.server, at_home)?,
            colours: choose("CHAT_COLOURS", variable, written.colours, Colours::default)?,
            notifications: choose(
                "CHAT_NOTIFICATIONS",
                variable,
                written.notifications,
                Notifications::default,
            )?,
            password_file: match (password_file.origin, path.as_deref().and_then(Path::parent)) {
                (Origin::File(_), Some(folder)) => password_file.map(|it| it.map(|it| beside(folder, &it))),
                _ => password_file,
            },
            path,
            is_there,
        })
    }

    /// The server to talk to: the one that was named, if one was.
    pub(crate) fn server(&self, named: Option<Address>) -> Address {
        named.unwrap_or_else(|| self.server.value.clone())
    }

    /// The server to talk to if one was named, here or in the settings.
    pub(crate) fn known_server(&self, named: Option<Address>) -> Option<Address> {
        let is_set = self.server.origin != Origin::BuiltIn;
        named.or_else(|| is_set.then(|| self.server.value.clone()))
    }

    /// The rooms to enter: those that were named, if any were.
    pub(crate) fn rooms(&self, named: Vec<RoomName>) -> Vec<RoomName> {
        if named.is_empty() { self.rooms.value.clone() } else { named }
    }

    /// Who joins, with what the command line left open.
    pub(crate) fn person(&self, mut person: Person) -> Person {
        person.usual_name = self.name.value.clone();
        person.password_file = person.password_file.or_else(|| self.password_file.value.clone());
        person
    }
}

impl<T> Setting<T> {
    fn map<U>(self, to: impl FnOnce(T) -> U) -> Setting<U> {
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

/// The value of a setting: from the environment, else from the file, else `built_in`.
fn choose<T: Value>(
    name: &'static str,
    variable: impl Fn(&'static str) -> Option<OsString>,
    written: Option<Setting<T>>,
    built_in: impl FnOnce() -> T,
) -> anyhow::Result<Setting<T>> {
    let Some(raw) = variable(name) else {
        return Ok(written.unwrap_or_else(|| Setting { value: built_in(), origin: Origin::BuiltIn }));
    };
    let raw = raw.to_str().with_context(|| format!("{name}: it is not UTF-8"))?;
    let value = T::parse(raw).map_err(|why| anyhow!("{name}: {why}"))?;
    Ok(Setting { value, origin: Origin::Environment(name) })
}

fn optional<T: Value>(
    name: &'static str,
    variable: impl Fn(&'static str) -> Option<OsString>,
    written: Option<Setting<T>>,
) -> anyhow::Result<Setting<Option<T>>> {
    let written = written.map(|it| it.map(Some));
    choose(name, variable, written, || None)
}

/// Where the settings file of this account is.
pub(crate) fn path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("chat").join("config.toml"))
}

/// What `named` in a file in `folder` stands for; `~` is the home of this account.
fn beside(folder: &Path, named: &Path) -> PathBuf {
    match (named.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => folder.join(named),
    }
}

fn lobby() -> RoomName {
    RoomName::parse(LOBBY).expect("it is a name")
}

fn at_home() -> Address {
    HOME.parse().expect("it is an address")
}

/// The room to enter where none is named.
const LOBBY: &str = "lobby";

/// The server where none is named, and nobody looks for one.
const HOME: &str = "tcp://127.0.0.1:7000";
