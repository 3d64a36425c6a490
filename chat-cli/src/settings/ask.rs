//! Asks for the user's name once, on a terminal, and stores it in the settings file.

use std::io::{self, BufRead, IsTerminal, Read};

use anyhow::{Context, bail};
use chat_core::PersonName;
use chat_front::text::{Line, Sanitized};

use super::{Settings, file};
use crate::{args::Person, names, output::Output};

/// Asks for a name if `person` has none and input and output are a terminal, and writes the answer into the settings
/// file. Call this before other code reads from the terminal.
///
/// # Errors
/// When the input ends without an answer.
pub(crate) fn for_name(settings: &Settings, person: &mut Person) -> anyhow::Result<()> {
    let is_named = person.name.is_some() || person.usual_name.is_some();
    if is_named || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(());
    }
    let login = names::from_login().into_iter().next().unwrap_or_default();
    let name = ask(&login, &mut io::stdin().lock())?;
    if let Some(path) = &settings.path
        && let Err(why) = file::remember(path, &name)
    {
        let line = Line::note("the name is not stored: ").shown(&Sanitized::line(&format!("{why:#}")));
        Output::plain().line(&line)?;
    }
    person.usual_name = Some(name);
    Ok(())
}

/// Asks until the answer is a valid name. An empty answer means `proposal`.
fn ask(proposal: &str, input: &mut impl BufRead) -> anyhow::Result<PersonName> {
    let mut out = Output::plain();
    loop {
        out.write(format!("Your name [{proposal}]: ").as_bytes())?;
        let mut line = Vec::new();
        let read =
            input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).context("cannot read your name")?;
        if read == 0 {
            out.write(b"\n")?;
            bail!("no name was given; use --name NAME");
        }
        let Ok(line) = String::from_utf8(line) else {
            out.line(&Line::note("not a valid name: it is not UTF-8, which this terminal should be set to"))?;
            continue;
        };
        let answer = match line.trim() {
            "" => proposal,
            other => other,
        };
        match PersonName::parse(answer) {
            Ok(name) => return Ok(name),
            Err(why) => {
                out.line(&Line::note("not a valid name: ").shown(&Sanitized::line(&why.to_string())))?
            }
        }
    }
}

/// The longest input line that is read; far longer than any name.
const MAX_LINE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_text_is_asked_for_again() {
        let name = |mut answers: &[u8]| ask("guest", &mut answers).map(|name| name.to_string());
        assert_eq!(name(b"J\xf6rg\nana\n").ok().as_deref(), Some("ana"));
        assert_eq!(name("J\u{fffd}rg\n\n".as_bytes()).ok().as_deref(), Some("guest"));
        assert!(name(b"J\xf6rg\n").is_err());
    }
}
