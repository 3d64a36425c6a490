//! Reads the server's password from a file: a command line would show the password to other users.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, bail};

/// The first line of the file at `path`.
///
/// # Errors
/// When the file cannot be read, or its first line is empty, longer than [`MAX_PASSWORD`] bytes or not UTF-8.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let mut start = Vec::new();
    let reading = || format!("cannot read the password file {}", path.display());
    let file = File::open(path).with_context(reading)?;
    file.take(MAX_PASSWORD + 2).read_to_end(&mut start).with_context(reading)?;
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        bail!("the first line of the password file {} is empty", path.display());
    }
    if line.len() as u64 > MAX_PASSWORD {
        bail!("the password in {} is longer than {MAX_PASSWORD} bytes", path.display());
    }
    let password = std::str::from_utf8(line);
    Ok(password.with_context(|| format!("the password in {} is not UTF-8", path.display()))?.to_owned())
}

/// The longest password in bytes; a `hello` with it, escaped, fits the limit for frames before `welcome`.
const MAX_PASSWORD: u64 = 512;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read_from(name: &str, content: &[u8]) -> Result<String, String> {
        let path = std::env::temp_dir().join(format!("chat-password-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        let password = read(&path).map_err(|error| format!("{error:#}"));
        fs::remove_file(&path).unwrap();
        password
    }

    #[test]
    fn the_first_line_is_the_password() {
        for content in ["open sesame", "open sesame\n", "open sesame\r\n", "open sesame\nnot this\n"] {
            assert_eq!(read_from("first", content.as_bytes()).as_deref(), Ok("open sesame"));
        }
        let longest = "x".repeat(512);
        assert_eq!(read_from("longest", format!("{longest}\r\n").as_bytes()), Ok(longest));
    }

    #[test]
    fn an_unusable_file_is_refused_with_the_reason() {
        for (name, content, words) in [
            ("nothing", &b""[..], "is empty"),
            ("blank", b"\nsecond", "is empty"),
            ("binary", b"\xff\xfe\n", "not UTF-8"),
            ("long", &[b'x'; 513], "longer than 512 bytes"),
        ] {
            let error = read_from(name, content).unwrap_err();
            assert!(error.contains(words) && error.contains("chat-password"), "{error}");
        }
        let missing = read(Path::new("/nowhere/secret")).unwrap_err();
        assert!(format!("{missing:#}").starts_with("cannot read the password file /nowhere/secret: "));
    }
}
