//! The server that was joined last without an address, remembered from one time to the next.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use chat_core::Address;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::Reached;
use crate::atomic_file::AtomicFile;

/// What is remembered of it.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Last {
    name: String,
    url: String,
}

impl Last {
    /// What was remembered, if it can be read.
    pub(super) fn read() -> Option<Last> {
        let mut text = String::new();
        File::open(path()?).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Remembers `reached`, where this account has a place for that.
    pub(super) fn remember(reached: &Reached) {
        let last = Last { name: reached.found.name.clone(), url: reached.url.to_string() };
        if Last::read().as_ref() == Some(&last) {
            return;
        }
        if let Some(path) = path()
            && let Err(error) = last.write(&path)
        {
            tracing::debug!(%error, "the server is not remembered");
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

    /// How far `other` is from it: 0 at its URL, 1 with its name, 2 else.
    pub(super) fn distance(&self, other: &Reached) -> usize {
        let is_there = |url: &Address| url.to_string() == self.url;
        match other {
            _ if other.found.urls.iter().any(is_there) && other.found.name == self.name => 0,
            _ if other.found.name == self.name => 1,
            _ => 2,
        }
    }

    /// Whether it is `reached`: at its URL, or the only one of `all` with its name.
    pub(super) fn is(&self, reached: &Reached, all: &[Reached]) -> bool {
        match self.distance(reached) {
            0 => true,
            1 => all.iter().filter(|it| self.distance(it) < 2).count() == 1,
            _ => false,
        }
    }
}

/// Where it is remembered.
fn path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(state.join("chat").join("last-server.json"))
}

/// More than a name and a URL have.
const MAX_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use chat_discovery::{Found, ServerId};

    use super::*;

    fn reached(name: &str, url: &str) -> Reached {
        let url: Address = url.parse().unwrap();
        let (name, software, urls) = (name.to_owned(), String::new(), vec![url.clone()]);
        Reached { found: Found { id: ServerId(1), name, software, protocol: 1, rooms: 0, urls }, url }
    }

    #[test]
    fn a_server_is_known_by_its_url_or_by_a_name_that_no_other_has() {
        let last = Last { name: "office".to_owned(), url: "tcp://10.0.0.1:7000".to_owned() };
        let same = reached("office", "tcp://10.0.0.1:7000");
        let moved = reached("office", "tcp://10.0.0.2:7000");
        let other = reached("lab", "tcp://10.0.0.1:7000");
        assert!(last.is(&same, &[same.clone(), moved.clone()]));
        assert!(!last.is(&moved, &[same.clone(), moved.clone()]));
        assert!(last.is(&moved, &[moved.clone(), other.clone()]));
        assert!(!last.is(&other, std::slice::from_ref(&other)), "somebody else is there now");
    }

    #[test]
    fn only_its_owner_reads_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep").join("last-server.json");
        let last = Last { name: "office".to_owned(), url: "tcp://10.0.0.1:7000".to_owned() };
        last.write(&path).unwrap();
        last.write(&path).unwrap();
        assert_eq!(serde_json::from_slice::<Last>(&fs::read(&path).unwrap()).unwrap(), last);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
