//! The directory of a log: made for nobody else to read, and had by one server at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::error::OpenError;

/// A directory that is ours until this is dropped, or the process ends however it does.
#[derive(Debug)]
pub(crate) struct Directory {
    database: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes what is missing and takes the lock.
    pub(crate) fn take(path: &Path) -> Result<Directory, OpenError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        make(path).map_err(io(path))?;
        let lock_path = path.join("chat.lock");
        let lock = private().open(&lock_path).map_err(io(&lock_path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => OpenError::Io { path: lock_path, source },
        })?;
        // SQLite gives its other files the mode of this one.
        let database = path.join("chat.db");
        private().open(&database).and_then(|it| it.sync_all()).map_err(io(&database))?;
        sync(path).map_err(io(path))?;
        Ok(Directory { database, _lock: lock })
    }

    pub(crate) fn database(&self) -> &Path {
        &self.database
    }
}

#[cfg(unix)]
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// To read and write, made where it is missing, for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A new file is there after a power cut only if its directory was written too.
#[cfg(unix)]
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
