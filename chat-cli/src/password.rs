//! The server's password: read from a file, because a command line would show the password to other users, and sent to no
//! other server than the one it was given for.

use std::{
    fs::File,
    io::{self, BufRead, Read, Write},
    path::Path,
};

use anyhow::{Context, bail};
use chat_core::Address;
use chat_front::text::{Line, Sanitized};

use crate::{
    args::Person,
    output::Output,
    place::{is_loopback, place},
};

mod given;

use given::GivenPasswords;
pub(crate) use given::Server;

/// The password of `person` for `server`, if it was given for that server or the user agrees. The user is asked through
/// `out`; without it nobody is there to be asked.
///
/// # Errors
/// When the password cannot be read, or the user cannot be asked.
pub(crate) fn for_server(
    person: &Person,
    server: Server<'_>,
    out: Option<&mut Output>,
) -> anyhow::Result<Option<String>> {
    let usual = person.usual_password.as_ref();
    let Some(file) = person.password_file.as_deref().or(usual.map(|usual| usual.file.as_path())) else {
        return Ok(None);
    };
    let password = read(file)?;
    let is_named = server.found_as.is_none();
    let is_given_now = person.password_file.is_some();
    let mut given = GivenPasswords::read();
    if is_named && is_given_now {
        if !is_loopback(server.url) {
            given.remember(file, server);
        }
        return Ok(Some(password)); // the same command names both
    }
    let usual_server = usual.filter(|_| !is_given_now).and_then(|usual| usual.server.as_ref());
    if usual_server.is_some_and(|usual| place(usual) == place(server.url)) || given.has(file, server) {
        return Ok(Some(password));
    }
    let given_for = usual_server.map(Address::to_string).or_else(|| given.named(file));
    if is_named && given_for.is_none() {
        // Named by hand, and the first server with this password. What is on this machine needs no memory.
        if !is_loopback(server.url) {
            given.remember(file, server);
        }
        return Ok(Some(password));
    }
    let at = match server.found_as {
        Some(name) => format!("{name} at {}", server.url),
        None => server.url.to_string(),
    };
    let given_for = given_for.map_or("for no server yet".to_owned(), |servers| format!("for {servers}"));
    let Some(out) = out else {
        let why = format!("the password is not sent to {at}: it was given {given_for}");
        let line = Sanitized::line(&why);
        let _ =
            writeln!(io::stderr(), "chat: {line}; --password-file FILE with the server's address sends it");
        return Ok(None);
    };
    let question = Line::note("the password in ").shown(&Sanitized::line(&file.display().to_string()));
    let question = question.words(" was given ").shown(&Sanitized::line(&given_for));
    out.line(&question)?;
    if !ask(&format!("Send it to {}? [y/N]: ", Sanitized::line(&at)), out, &mut io::stdin().lock())? {
        return Ok(None);
    }
    given.remember(file, server);
    Ok(Some(password))
}

/// The password with which a server is hosted that others may join.
///
/// # Errors
/// When the password cannot be read.
pub(crate) fn for_hosting(person: &Person) -> anyhow::Result<Option<String>> {
    let usual = person.usual_password.as_ref().map(|usual| usual.file.as_path());
    person.password_file.as_deref().or(usual).map(read).transpose()
}

/// Whether the user agrees; no answer is none.
fn ask(question: &str, out: &mut Output, input: &mut impl BufRead) -> anyhow::Result<bool> {
    out.write(question.as_bytes())?;
    let mut line = Vec::new();
    if input.take(MAX_LINE).read_until(b'\n', &mut line).context("cannot read the answer")? == 0 {
        out.write(b"\n")?;
    }
    let answer = String::from_utf8_lossy(&line).trim().to_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}

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
    // Some editors put a byte order mark at the begin of a file.
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    if line.is_empty() {
        bail!("the first line of the password file {} is empty", path.display());
    }
    if line.len() as u64 > MAX_PASSWORD {
        bail!("the password in {} is longer than {MAX_PASSWORD} bytes", path.display());
    }
    let password = std::str::from_utf8(line);
    Ok(password.with_context(|| format!("the password in {} is not UTF-8", path.display()))?.to_owned())
}

/// The longest answer that is read; far longer than any.
const MAX_LINE: u64 = 4096;

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
        for content in [
            "open sesame",
            "open sesame\n",
            "open sesame\r\n",
            "open sesame\nnot this\n",
            "\u{feff}open sesame\r\n",
        ] {
            assert_eq!(read_from("first", content.as_bytes()).as_deref(), Ok("open sesame"));
        }
        let longest = "x".repeat(512);
        assert_eq!(read_from("longest", format!("{longest}\r\n").as_bytes()), Ok(longest));
    }

    #[test]
    fn only_a_yes_is_one() {
        let answer = |input: &str| ask("", &mut Output::plain(), &mut input.as_bytes()).unwrap();
        assert!(answer("y\n") && answer(" YES \n"));
        assert!(!answer("\n") && !answer("n\n") && !answer("") && !answer("yesterday\n"));
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
