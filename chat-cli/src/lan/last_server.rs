//! The last server: remembers which server was joined last without an address.

use serde::{Deserialize, Serialize};

use super::server::ReachableServer;
use crate::state_file;

/// What is stored about the last server.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct LastServer {
    name: String,
    url: String,
}

impl LastServer {
    /// Reads the stored server, if there is one.
    pub(super) fn read() -> Option<LastServer> {
        state_file::read(&state_file::path(FILE)?)
    }

    /// Stores `server`, if this account has a directory for state.
    pub(super) fn remember(server: &ReachableServer) {
        let last = LastServer { name: server.found.name.clone(), url: server.url.to_string() };
        if LastServer::read().as_ref() == Some(&last) {
            return;
        }
        if let Some(path) = state_file::path(FILE)
            && let Err(error) = state_file::write(&path, &last)
        {
            tracing::debug!(%error, "cannot store the last server");
        }
    }

    /// How well `other` matches: 0 for the same name and the URL that answered, 1 for the same name alone, 2 otherwise. Other
    /// URLs that the server claims do not count.
    pub(super) fn distance(&self, other: &ReachableServer) -> usize {
        match other {
            _ if other.found.name != self.name => 2,
            _ if other.url.to_string() == self.url => 0,
            _ => 1,
        }
    }

    /// Whether `server` is the stored server: it has the same name and URL, or is the only one of `all` with this name.
    pub(super) fn matches(&self, server: &ReachableServer, all: &[ReachableServer]) -> bool {
        match self.distance(server) {
            0 => true,
            1 => all.iter().filter(|other| self.distance(other) < 2).count() == 1,
            _ => false,
        }
    }
}

/// The name of the state file.
const FILE: &str = "last-server.json";

#[cfg(test)]
mod tests {
    use chat_core::Address;
    use chat_discovery::{Found, Hints, ServerId};

    use super::*;

    fn server(name: &str, url: &str) -> ReachableServer {
        let url: Address = url.parse().unwrap();
        let (name, software, urls) = (name.to_owned(), String::new(), vec![url.clone()]);
        let hints = Hints::default();
        let found = Found { id: ServerId(1), name, software, protocol: 1, rooms: 0, hints, urls };
        ReachableServer { found, url }
    }

    #[test]
    fn a_server_is_known_by_its_url_or_by_a_name_that_no_other_has() {
        let last = LastServer { name: "office".to_owned(), url: "tcp://10.0.0.1:7000".to_owned() };
        let same = server("office", "tcp://10.0.0.1:7000");
        let moved = server("office", "tcp://10.0.0.2:7000");
        let other = server("lab", "tcp://10.0.0.1:7000");
        assert!(last.matches(&same, &[same.clone(), moved.clone()]));
        assert!(!last.matches(&moved, &[same.clone(), moved.clone()]));
        assert!(last.matches(&moved, &[moved.clone(), other.clone()]));
        assert!(!last.matches(&other, std::slice::from_ref(&other)), "another server uses this URL now");
    }

    #[test]
    fn a_claim_of_its_url_does_not_make_a_server_the_last_one() {
        let last = LastServer { name: "office".to_owned(), url: "tcp://10.0.0.9:7000".to_owned() };
        let real = server("office", "tcp://10.0.0.9:7000");
        let mut thief = server("office", "tcp://10.0.0.2:7000");
        thief.found.urls.push(real.url.clone());
        assert_eq!((last.distance(&real), last.distance(&thief)), (0, 1));
        assert!(!last.matches(&thief, &[thief.clone(), real.clone()]));
    }
}
