//! A file that is there whole or not at all: written beside its place, then put there.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A file beside the one it will be. It is removed when this is dropped.
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    /// Begins one that will be at `path`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn beside(path: &Path) -> io::Result<(File, Unfinished)> {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let unfinished = path.with_file_name(name);
        let file = File::options().write(true).create_new(true).open(&unfinished)?;
        let unfinished = Unfinished(unfinished);
        if let Ok(there) = fs::metadata(path) {
            file.set_permissions(there.permissions())?; // who could not read the old one cannot read this
        }
        Ok((file, unfinished))
    }

    /// Makes `file`, to which all was written, the one at `path`.
    ///
    /// # Errors
    /// When what was written does not reach the disk, or cannot be put there.
    pub(crate) fn finish(&self, file: &File, path: &Path) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(&self.0, path)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // it is of no use, and no harm
    }
}
