//! The errors of the log, with texts for people.

use std::{io, path::PathBuf};

use chat_core::log::LogError;
use rusqlite::ErrorCode;

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// SQLite cannot read it, or cannot write it.
    #[error("{}: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Another server has it open.
    #[error("{} is in use by another server", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file or the directory cannot be had.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is a symbolic link, which leads out of the directory that was locked.
    #[error("{} is a symbolic link; start the server with the directory of the file itself", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error("{} is of version {found}, and this program knows versions up to {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The newest this program knows.
        known: i32,
    },
    /// A database of an older version cannot be brought to the present one. It is as it was.
    #[error("{} is of version {found} and cannot be brought to the present version: {source}; nothing was changed", path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// There is no space to bring a database of an older version to the present one. It is as it was.
    #[error("{} is of an older version, and there is no space left to bring it to the present one (three times its size is needed); nothing was changed", path.display())]
    NoSpaceToMigrate {
        /// The database.
        path: PathBuf,
    },
    /// Its file system does not do what a log needs.
    #[error("{} is on a file system on which SQLite has no write-ahead log", path.display())]
    NoWriteAheadLog {
        /// The database.
        path: PathBuf,
    },
    /// It is something else.
    #[error("{} is not the log of a chat", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The write-ahead log that a crash has left was written for another file than the one that is there now.
    #[error("{0} is not the file that {0}-wal was written for. If it is a copy that was put back, remove {0}-wal and {0}-shm; if the whole directory was copied or moved, remove chat.lock beside it; then start again", path.display())]
    OtherFile {
        /// The database.
        path: PathBuf,
    },
    /// This SQLite can lose what was written (<https://sqlite.org/wal.html#walresetbug>).
    #[error("SQLite {found} is too old to be trusted with a log; it has to be 3.51.3 or newer")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
}

/// What an error of SQLite means for the log.
#[derive(Clone, Debug)]
pub(crate) enum StorageError {
    /// There is no space; nothing was stored, and a later attempt may succeed.
    Full(String),
    /// Something failed, and how much was stored is unknown.
    Failed(String),
    /// The file is damaged. Further writes would make it worse.
    Damaged(String),
}

impl StorageError {
    pub(crate) fn from_ref(error: &rusqlite::Error) -> StorageError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StorageError::Full("there is no space left on the disk".to_owned()),
            // A number or a name is free according to the memory and taken according to the file: one of them is wrong.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
                StorageError::Damaged(format!("its file is damaged ({error})"))
            }
            _ => StorageError::Failed(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> StorageError {
        StorageError::from_ref(&error)
    }
}

impl From<StorageError> for LogError {
    fn from(error: StorageError) -> LogError {
        match error {
            StorageError::Full(why) => LogError::Full(why),
            StorageError::Failed(why) | StorageError::Damaged(why) => LogError::Failed(why),
        }
    }
}

/// Whether entries around the place of this error may still be readable.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

#[cfg(test)]
pub(crate) fn io_error() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR), None)
}
