//! Which database file the write-ahead log belongs to.
//!
//! SQLite plays a write-ahead log that a crash has left into whatever file it finds under the name of the database, also
//! into an older copy that was put back, which damages the copy. While a log is open, checkpoints alone change the
//! database file. So after each of them its time and size are noted in `chat.lock`, and compared at the next start if
//! there is a write-ahead log.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

/// The note, and the files that it is about.
#[derive(Debug)]
pub(crate) struct Mark {
    path: PathBuf,
    /// Open for as long as the log is: closing a file takes SQLite's locks on it away.
    database: File,
    lock: Mutex<File>,
    /// Whether the note has to survive a power cut.
    is_synced: bool,
    is_noted: AtomicBool,
}

/// What the note says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Note {
    modified: u128,
    size: u64,
    /// The number of the write-ahead log at that time; the one after it has the next number.
    log: u32,
}

impl Mark {
    pub(crate) fn new(path: PathBuf, database: File, lock: File, is_synced: bool) -> Mark {
        Mark { path, database, lock: Mutex::new(lock), is_synced, is_noted: AtomicBool::new(false) }
    }

    /// Whether the write-ahead log was written for another file than the present one. When it is not known, it was not.
    pub(crate) fn is_other_file(&self) -> io::Result<bool> {
        let Some(log) = number_of_log(&self.path)? else { return Ok(false) };
        let mut text = String::new();
        {
            let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            lock.seek(SeekFrom::Start(0))?;
            let _ = (&mut *lock).take(LENGTH as u64).read_to_string(&mut text); // no text is no note
        }
        let Some(noted) = Note::parse(&text) else { return Ok(false) };
        // Both may have been put back together.
        let is_its_log = log == noted.log || log == noted.log.wrapping_add(1);
        Ok(is_its_log && self.present(noted.log)? != noted)
    }

    /// Does a checkpoint, which changes the database file. If it does not end well, nothing is noted.
    pub(crate) fn checkpoint<T, E>(&self, checkpoint: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.write(&mut lock, "") {
            tracing::warn!(%error, "chat.lock cannot be written");
        }
        let done = checkpoint()?;
        let noted = self.note().and_then(|note| self.write(&mut lock, &note));
        if let Err(error) = noted {
            tracing::warn!(%error, "chat.lock cannot be written");
        }
        Ok(done)
    }

    /// Notes what was not noted yet: an empty write-ahead log has no number before the first commit.
    pub(crate) fn after_commit(&self) {
        if self.is_noted.load(Ordering::Acquire) {
            return;
        }
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = self.note().and_then(|note| self.write(&mut lock, &note));
        if let Err(error) = noted {
            tracing::warn!(%error, "chat.lock cannot be written");
        }
    }

    /// Takes the note back, before SQLite may do a checkpoint by itself.
    pub(crate) fn forget(&self) {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.write(&mut lock, "") {
            tracing::warn!(%error, "chat.lock cannot be written");
        }
    }

    /// Whether the database file is still where it was opened.
    #[cfg(unix)]
    pub(crate) fn is_in_place(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let same = |found: fs::Metadata| {
            self.database.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
        };
        match fs::metadata(&self.path) {
            Ok(found) => same(found),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn is_in_place(&self) -> bool {
        true // an open file cannot be replaced there
    }

    fn note(&self) -> io::Result<String> {
        if self.is_synced {
            self.database.sync_all()?; // its time, too
        }
        let Some(log) = number_of_log(&self.path)? else { return Ok(String::new()) };
        let Note { modified, size, log } = self.present(log)?;
        Ok(format!("modified {modified} size {size} log {log}"))
    }

    fn present(&self, log: u32) -> io::Result<Note> {
        let found = self.database.metadata()?;
        let modified = found.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Note { modified: modified.as_nanos(), size: found.len(), log })
    }

    fn write(&self, lock: &mut File, text: &str) -> io::Result<()> {
        self.is_noted.store(!text.is_empty(), Ordering::Release);
        lock.seek(SeekFrom::Start(0))?;
        lock.write_all(format!("{text:width$}\n", width = LENGTH - 1).as_bytes())?;
        // A note that is lost does no harm, one that is outdated does.
        if self.is_synced && text.is_empty() { lock.sync_data() } else { Ok(()) }
    }
}

impl Note {
    fn parse(text: &str) -> Option<Note> {
        let mut words = text.split_whitespace();
        let mut value = |name| (words.next() == Some(name)).then(|| words.next()).flatten();
        Some(Note {
            modified: value("modified")?.parse().ok()?,
            size: value("size")?.parse().ok()?,
            log: value("log")?.parse().ok()?,
        })
    }
}

/// The number of the write-ahead log beside this database, which SQLite increases whenever it begins the log anew; `None`
/// if there is no log.
fn number_of_log(database: &Path) -> io::Result<Option<u32>> {
    let mut path = OsString::from(database);
    path.push("-wal");
    let mut head = [0; HEAD];
    let read = File::open(path).and_then(|mut wal| wal.read_exact(&mut head));
    match read {
        Ok(()) => Ok(head.last_chunk().map(|number| u32::from_be_bytes(*number))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The bytes of the write-ahead log's header up to its first salt, which is its number.
const HEAD: usize = 20;
/// The length of the note with its line end.
const LENGTH: usize = 96;
