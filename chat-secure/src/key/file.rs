//! Files for their owner's eyes alone, such as the one in which a key is kept: its 32 private bytes.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use chat_core::{Runtime, token};

use super::StaticKey;

/// Why there is no key in a file. Each is one sentence for people, which names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file can be read, or changed, by other people of this machine.
    #[error("other people of this machine can read the key in {path}; run `chmod 600 {path}`, or remove it for a new key", path = .0.display())]
    Open(PathBuf),
    /// The file is no key.
    #[error("{path} has {len} bytes and a key has 32; put it back from a copy, or remove it for a new key", path = .path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// Its length.
        len: u64,
    },
    /// The file cannot be read or made.
    #[error("the key in {path} cannot be read or made: {error}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

impl StaticKey {
    /// The key in the file at `path`. If there is no file, a key is made and put there, with its folders.
    ///
    /// # Errors
    /// When other people can read the file, when it holds no key, or when it cannot be read or made.
    pub fn in_file(path: &Path, runtime: &dyn Runtime) -> Result<StaticKey, KeyFileError> {
        let about = |error| KeyFileError::Io { path: path.to_owned(), error };
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match StaticKey::generate(runtime).keep_in(path, runtime) {
                    Err(KeyFileError::Io { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    kept => kept?,
                }
                read(path) // of two programs that do this at once one makes the key
            }
            Err(error) => Err(about(error)),
            Ok(_) => read(path),
        }
    }

    /// Puts the key into a new file at `path`, whole or not at all, with its folders.
    ///
    /// # Errors
    /// When there is a file already (of the kind `AlreadyExists`), or none can be made.
    pub fn keep_in(&self, path: &Path, runtime: &dyn Runtime) -> Result<(), KeyFileError> {
        put(path, self.private(), runtime, |unfinished| fs::hard_link(unfinished, path))
            .map_err(|error| KeyFileError::Io { path: path.to_owned(), error })
    }
}

fn read(path: &Path) -> Result<StaticKey, KeyFileError> {
    let bytes = read_private(path, 32)?;
    let len = bytes.len() as u64;
    let private = bytes.try_into().map_err(|_| KeyFileError::WrongLength { path: path.to_owned(), len })?;
    Ok(StaticKey::from_private(private))
}

/// The bytes of a file that its owner alone can read.
///
/// # Errors
/// When other people can read the file, when it has another length, or when it cannot be read.
pub(crate) fn read_private(path: &Path, len: u64) -> Result<Vec<u8>, KeyFileError> {
    let about = |error| KeyFileError::Io { path: path.to_owned(), error };
    let metadata = fs::metadata(path).map_err(about)?;
    if is_open(&metadata) {
        return Err(KeyFileError::Open(path.to_owned()));
    }
    if metadata.is_file() && metadata.len() != len {
        return Err(KeyFileError::WrongLength { path: path.to_owned(), len: metadata.len() });
    }
    fs::read(path).map_err(about)
}

/// Puts a file that its owner alone can read at `path`, in place of the one that was there.
pub(crate) fn replace_private(path: &Path, bytes: &[u8], runtime: &dyn Runtime) -> io::Result<()> {
    put(path, bytes, runtime, |unfinished| fs::rename(unfinished, path))
}

/// Makes a file for `path`, and its folders, and lets `place` put the file there: whole or not at all.
fn put(
    path: &Path,
    bytes: &[u8],
    runtime: &dyn Runtime,
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", token(runtime.random())));
    let unfinished = Path::new(&unfinished);
    let made = write(unfinished, bytes).and_then(|()| place(unfinished));
    let _ = fs::remove_file(unfinished); // it is a second name of the file, or nothing
    made
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn is_open(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 != 0
}

/// Elsewhere the folder of the account decides who may read.
#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests;
