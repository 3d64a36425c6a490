//! The directory of a log: made for nobody else to read, and had by one server at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::OpenError,
    mark::Mark,
    open::{Durability, Options},
};

/// A directory that is ours until this is dropped, or the process ends however it does.
#[derive(Debug)]
pub(crate) struct Directory {
    database: PathBuf,
    mark: Arc<Mark>,
    _lock: File,
}

impl Directory {
    /// Makes what is missing and takes the lock.
    pub(crate) fn take(path: &Path, options: &Options) -> Result<Directory, OpenError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        make(path).map_err(io(path))?;
        for name in ["chat.lock", "chat.db", "chat-index.db"] {
            let file = path.join(name);
            if file.is_symlink() {
                return Err(OpenError::Link { path: file });
            }
        }
        let lock_path = path.join("chat.lock");
        let lock = private().open(&lock_path).map_err(io(&lock_path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => OpenError::Io { path: lock_path.clone(), source },
        })?;
        // SQLite gives its other files the mode of this one.
        let database = path.join("chat.db");
        let file = private().open(&database).map_err(io(&database))?;
        if is_database(&file).map_err(io(&database))? {
            look_at_modes(path, &database, &file);
        }
        file.sync_all().map_err(io(&database))?;
        sync(path).map_err(io(path))?;
        let notes = lock.try_clone().map_err(io(&lock_path))?;
        let mark = Mark::new(database.clone(), file, notes, options.durability == Durability::Power);
        if mark.is_other_file().map_err(io(&database))? {
            return Err(OpenError::OtherFile { path: database });
        }
        mark.forget();
        Ok(Directory { database, mark: Arc::new(mark), _lock: lock })
    }

    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    pub(crate) fn mark(&self) -> Arc<Mark> {
        self.mark.clone()
    }
}

/// Whether the file is a new one or a database of SQLite. The mode of any other file is not ours to change.
fn is_database(mut file: &File) -> io::Result<bool> {
    let mut header = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEADER.len() as u64).read_to_end(&mut header)?;
    Ok(header.is_empty() || header == HEADER)
}

/// Warns where other users of the machine can change or read what is said, and takes the files from them.
#[cfg(unix)]
fn look_at_modes(directory: &Path, database: &Path, file: &File) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let (Ok(around), Ok(found)) = (fs::metadata(directory), file.metadata()) else { return };
    if around.mode() & OTHERS_WRITE != 0 {
        tracing::warn!(
            directory = %directory.display(),
            "other users of this machine can replace the files in this directory; `chmod go-w` on it prevents that"
        );
    }
    if around.uid() != found.uid() {
        tracing::warn!(file = %database.display(), "the file belongs to another user than its directory");
    }
    if found.mode() & OTHERS == 0 {
        return;
    }
    // The files beside it, which a crash may have left.
    let beside = ["chat.db-wal", "chat.db-shm"].map(|name| directory.join(name));
    let closed = file.set_permissions(fs::Permissions::from_mode(0o600));
    let closed = beside.iter().filter(|file| file.exists()).fold(closed, |closed, file| {
        closed.and(fs::set_permissions(file, fs::Permissions::from_mode(0o600)))
    });
    match closed {
        Ok(()) => tracing::warn!(
            file = %database.display(),
            "other users of this machine could read or change the file; now its owner alone can"
        ),
        Err(error) => tracing::warn!(
            file = %database.display(), %error,
            "other users of this machine can read or change the file, and its mode cannot be changed"
        ),
    }
}

#[cfg(not(unix))]
fn look_at_modes(_: &Path, _: &Path, _: &File) {}

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
pub(crate) fn private() -> OpenOptions {
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

/// The beginning of a database (<https://sqlite.org/fileformat.html>, 1.3).
const HEADER: &[u8] = b"SQLite format 3\0";
/// That the group and all others may write.
#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;
/// That the group and all others may do anything.
#[cfg(unix)]
const OTHERS: u32 = 0o077;
