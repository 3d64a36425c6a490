//! For which servers each password was given. A password is sent to no other server without the user's consent: anybody on
//! the network can announce a server of any name.

use std::path::{Path, PathBuf};

use chat_core::Address;
use serde::{Deserialize, Serialize};

use crate::{place::place, state_file};

/// A server that is to be joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server<'a> {
    pub(crate) url: &'a Address,
    /// The name under which the server was found; `None` if the user named its address.
    pub(crate) found_as: Option<&'a str>,
}

/// The servers for which passwords were given, as this account remembers them.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct GivenPasswords(Vec<Given>);

/// A password file, and a server for which its password was given.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Given {
    file: PathBuf,
    /// The name of the server, if it was found under one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its host and port: a server is the same one over TCP and UDP.
    address: String,
}

impl GivenPasswords {
    /// Reads what is remembered.
    pub(super) fn read() -> GivenPasswords {
        state_file::path(FILE).and_then(|path| state_file::read(&path)).unwrap_or_default()
    }

    /// Whether the password in `file` was given for `server`. A server that is found counts if its address is known, and its
    /// name too if one is remembered.
    pub(super) fn has(&self, file: &Path, server: Server<'_>) -> bool {
        let is_same_name = |given: &Given| match (&given.name, server.found_as) {
            (Some(name), Some(found)) => name == found,
            _ => true,
        };
        let address = place(server.url);
        self.of(file).any(|given| given.address == address && is_same_name(given))
    }

    /// The servers for which the password in `file` was given, in words; `None` if there is none.
    pub(super) fn named(&self, file: &Path) -> Option<String> {
        let named: Vec<String> = self
            .of(file)
            .map(|given| match &given.name {
                Some(name) => format!("{name} at {}", given.address),
                None => given.address.clone(),
            })
            .collect();
        (!named.is_empty()).then(|| named.join(", "))
    }

    /// Remembers that the password in `file` was given for `server`.
    pub(super) fn remember(&mut self, file: &Path, server: Server<'_>) {
        let given = Given {
            file: absolute(file),
            name: server.found_as.map(str::to_owned),
            address: place(server.url),
        };
        if self.0.contains(&given) {
            return;
        }
        let oldest = (self.0.len() + 1).saturating_sub(MOST);
        self.0.drain(..oldest);
        self.0.push(given);
        if let Some(path) = state_file::path(FILE)
            && let Err(error) = state_file::write(&path, self)
        {
            tracing::debug!(%error, "cannot store for which server the password was given");
        }
    }

    fn of(&self, file: &Path) -> impl Iterator<Item = &Given> {
        let file = absolute(file);
        self.0.iter().filter(move |given| given.file == file)
    }
}

fn absolute(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}

/// The name of the state file.
const FILE: &str = "password-servers.json";

/// How many servers are remembered.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_for_the_address_it_was_given_for() {
        let mut given = GivenPasswords::default();
        let (file, other) = (Path::new("/nowhere/a"), Path::new("/nowhere/b"));
        let url = |url: &str| -> Address { url.parse().unwrap() };
        let (office, udp, thief) =
            (url("tcp://10.0.0.9"), url("udp://10.0.0.9:7000"), url("tcp://10.0.0.2:7000"));
        let found = |url| Server { url, found_as: Some("office") };
        given.0.push(Given { file: file.into(), name: Some("office".to_owned()), address: place(&office) });
        assert!(given.has(file, found(&office)) && given.has(file, found(&udp)));
        assert!(given.has(file, Server { url: &udp, found_as: None }));
        assert!(!given.has(file, found(&thief)), "the same name elsewhere");
        assert!(!given.has(file, Server { url: &office, found_as: Some("lab") }), "another name there");
        assert!(!given.has(other, found(&office)), "another password");
        assert_eq!(given.named(file).as_deref(), Some("office at 10.0.0.9:7000"));
        assert_eq!(given.named(other), None);
    }
}
