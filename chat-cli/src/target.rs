//! Where what is asked for goes: standard output, or a file that is there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{output::OutputError, whole::Unfinished};

/// What is written to.
pub(crate) enum Target {
    Stdout(BufWriter<io::Stdout>),
    File { file: BufWriter<File>, path: PathBuf, unfinished: Option<Unfinished> },
}

impl Target {
    /// Standard output where there is no `path`. What is no ordinary file (a pipe, a device) is written to as it is.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<Target> {
        let Some(path) = path else { return Ok(Target::Stdout(BufWriter::new(io::stdout()))) };
        let opened = match fs::metadata(path) {
            Ok(there) if !there.is_file() => File::options().write(true).open(path).map(|it| (it, None)),
            _ => {
                // Where the path is a link, the file it names is replaced and the link stays.
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                Unfinished::beside(&path).map(|(it, unfinished)| (it, Some((unfinished, path))))
            }
        };
        let (file, unfinished) = opened.with_context(|| cannot(path))?;
        let file = BufWriter::new(file);
        Ok(match unfinished {
            Some((unfinished, path)) => Target::File { file, path, unfinished: Some(unfinished) },
            None => Target::File { file, path: path.to_owned(), unfinished: None },
        })
    }

    pub(crate) fn write(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Target::Stdout(out) => Ok(out.write_all(text.as_bytes()).map_err(OutputError::from)?),
            Target::File { file, path, .. } => file.write_all(text.as_bytes()).with_context(|| cannot(path)),
        }
    }

    /// Makes what was written the file it was to be.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self {
            Target::Stdout(mut out) => Ok(out.flush().map_err(OutputError::from)?),
            Target::File { mut file, path, unfinished } => {
                let mut finished = || -> io::Result<()> {
                    file.flush()?;
                    if let Some(unfinished) = &unfinished {
                        unfinished.finish(file.get_ref(), &path)?;
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
