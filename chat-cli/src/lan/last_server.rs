//! The last server: remembers which server was joined last without an address.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use chat_core::Address;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::server::ReachableServer;
use crate::atomic_file::AtomicFile;

/// What is stored about the last server.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct LastServer {
    name: String,
    url: String,
}

impl LastServer {
    /// Reads the stored server, if there is one.
    pub(super) fn read() -> Option<LastServer> {
        let mut text = String::new();
        File::open(path()?).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Stores `server`, if this account has a directory for state.
    pub(super) fn remember(server: &ReachableServer) {
        let last = LastServer { name: server.found.name.clone(), url: server.url.to_string() };
        if LastServer::read().as_ref() == Some(&last) {
            return;
        }
        if let Some(path) = path()
            && let Err(error) = last.write(&path)
        {
            tracing::debug!(%error, "cannot store the last server");
        }
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let (mut file, temporary) = AtomicFile::create(path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        file.write_all(&serde_json::to_vec(self)?)?;
        temporary.commit(&file, path)
    }

    /// How well `other` matches: 0 for the same name and URL, 1 for the same name alone, 2 otherwise.
    pub(super) fn distance(&self, other: &ReachableServer) -> usize {
        let is_same = |url: &Address| url.to_string() == self.url;
        match other {
            _ if other.found.urls.iter().any(is_same) && other.found.name == self.name => 0,
            _ if other.found.name == self.name => 1,
            _ => 2,
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

/// The path of the file.
fn path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(state.join("chat").join("last-server.json"))
}

/// Larger than any name and URL together.
const MAX_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use chat_discovery::{Found, ServerId};

    use super::*;

    fn server(name: &str, url: &str) -> ReachableServer {
        let url: Address = url.parse().unwrap();
        let (name, software, urls) = (name.to_owned(), String::new(), vec![url.clone()]);
        ReachableServer { found: Found { id: ServerId(1), name, software, protocol: 1, rooms: 0, urls }, url }
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
    fn the_file_is_readable_by_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep").join("last-server.json");
        let last = LastServer { name: "office".to_owned(), url: "tcp://10.0.0.1:7000".to_owned() };
        last.write(&path).unwrap();
        last.write(&path).unwrap();
        assert_eq!(serde_json::from_slice::<LastServer>(&fs::read(&path).unwrap()).unwrap(), last);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
