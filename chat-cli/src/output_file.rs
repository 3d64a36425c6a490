//! The output of an export or a comparison: standard output, or a file that is written atomically.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{atomic_file::AtomicFile, output::OutputError};

/// The place the output is written to.
pub(crate) enum OutputFile {
    Stdout(BufWriter<io::Stdout>),
    File { file: BufWriter<File>, path: PathBuf, temporary: Option<AtomicFile> },
}

impl OutputFile {
    /// Opens `path`, or standard output if there is none. A pipe or a device is written to directly, not replaced.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<OutputFile> {
        let Some(path) = path else { return Ok(OutputFile::Stdout(BufWriter::new(io::stdout()))) };
        let opened = match fs::metadata(path) {
            Ok(there) if !there.is_file() => File::options().write(true).open(path).map(|file| (file, None)),
            _ => {
                // Where `path` is a symbolic link, the file it points to is replaced and the link stays.
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                AtomicFile::create(&path).map(|(file, temporary)| (file, Some((temporary, path))))
            }
        };
        let (file, temporary) = opened.with_context(|| cannot(path))?;
        let file = BufWriter::new(file);
        Ok(match temporary {
            Some((temporary, path)) => OutputFile::File { file, path, temporary: Some(temporary) },
            None => OutputFile::File { file, path: path.to_owned(), temporary: None },
        })
    }

    pub(crate) fn write(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            OutputFile::Stdout(out) => Ok(out.write_all(text.as_bytes()).map_err(OutputError::from)?),
            OutputFile::File { file, path, .. } => {
                file.write_all(text.as_bytes()).with_context(|| cannot(path))
            }
        }
    }

    /// Flushes the output; a file gets its final name now.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self {
            OutputFile::Stdout(mut out) => Ok(out.flush().map_err(OutputError::from)?),
            OutputFile::File { mut file, path, temporary } => {
                let mut finished = || -> io::Result<()> {
                    file.flush()?;
                    if let Some(temporary) = &temporary {
                        temporary.commit(file.get_ref(), &path)?;
                    }
                    Ok(())
                };
                finished().with_context(|| cannot(&path))
            }
        }
    }
}

fn cannot(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
