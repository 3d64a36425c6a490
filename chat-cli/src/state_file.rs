//! Small files of this account's state: JSON that its owner alone can read.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use serde::{Serialize, de::DeserializeOwned};

use crate::atomic_file::AtomicFile;

/// The path of the state file `name`, if this account has a directory for state.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(state.join("chat").join(name))
}

/// Reads the file at `path`; `None` if there is none, or it holds something else.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Replaces the file at `path`.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, content: &impl Serialize) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let (mut file, temporary) = AtomicFile::create(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(&serde_json::to_vec(content)?)?;
    temporary.commit(&file, path)
}

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_readable_by_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep").join("words.json");
        write(&path, &["a"]).unwrap();
        write(&path, &["a", "b"]).unwrap();
        assert_eq!(read::<Vec<String>>(&path).unwrap(), ["a", "b"]);
        assert_eq!(read::<u64>(&path), None, "something else");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
