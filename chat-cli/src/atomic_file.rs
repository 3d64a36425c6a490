//! Writes a file atomically: into a temporary file in the same directory, which is then renamed to the final path.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A temporary file that will replace the final one. Dropping it before the commit removes the temporary file.
pub(crate) struct AtomicFile(PathBuf);

impl AtomicFile {
    /// Creates the temporary file for `path` and opens it for writing.
    ///
    /// # Errors
    /// When the temporary file cannot be created.
    pub(crate) fn create(path: &Path) -> io::Result<(File, AtomicFile)> {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = File::options().write(true).create_new(true).open(&temporary)?;
        let temporary = AtomicFile(temporary);
        if let Ok(existing) = fs::metadata(path) {
            file.set_permissions(existing.permissions())?; // users who cannot read the old file cannot read the new one
        }
        Ok((file, temporary))
    }

    /// Syncs `file` to the disk and renames it to `path`.
    ///
    /// # Errors
    /// When the content does not reach the disk, or the file cannot be renamed.
    pub(crate) fn commit(&self, file: &File, path: &Path) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(&self.0, path)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // after a commit there is nothing to remove; otherwise a leftover is harmless
    }
}
