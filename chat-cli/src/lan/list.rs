//! Several servers: a short list to choose from.

use std::io::{self, BufRead, Read};

use anyhow::Context;

use super::{Reached, Tell};
use crate::{
    output::{Line, Output},
    sanitize::Sanitized,
};

/// What was chosen.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Choice {
    /// The server at this place of the list.
    Server(usize),
    /// None: the input ended.
    Nothing,
}

/// Shows `reached`, whose first is the one used last if `has_last`, and asks which one it is to be.
///
/// # Errors
/// When nothing can be shown or read.
pub(super) fn ask(reached: &[Reached], has_last: bool, tell: &mut Tell) -> anyhow::Result<Choice> {
    let out = tell.output();
    out.line(&Line::note("servers on this network:"))?;
    for (at, it) in reached.iter().enumerate() {
        let line = Line::default().words("   ").number(at as u64 + 1).words("  ");
        let line = line.shown(&Sanitized::line(&it.found.name)).faint("  ").number(it.found.rooms);
        let line = line.faint(if it.found.rooms == 1 { " room  " } else { " rooms  " });
        let line = line.shown(&Sanitized::line(&it.url.to_string()));
        out.line(&if at == 0 && has_last { line.faint("  (last used)") } else { line })?;
    }
    read(reached.len(), out, &mut io::stdin().lock())
}

/// Asks until the answer is one of the first `count` numbers. An empty one is the first.
fn read(count: usize, out: &mut Output, input: &mut impl BufRead) -> anyhow::Result<Choice> {
    loop {
        out.write(b"Which one [1]: ")?;
        let mut line = Vec::new();
        let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.context("cannot read which server")? == 0 {
            out.write(b"\n")?;
            return Ok(Choice::Nothing);
        }
        match String::from_utf8_lossy(&line).trim() {
            "" => return Ok(Choice::Server(0)),
            answer => match answer.parse::<usize>() {
                Ok(number) if (1..=count).contains(&number) => return Ok(Choice::Server(number - 1)),
                _ => out.line(&Line::note("a number from 1 to ").number(count as u64).words(", please"))?,
            },
        }
    }
}

/// The servers in one line, and what to do about there being several.
pub(super) fn which(reached: &[Reached]) -> String {
    let named = |it: &Reached| format!("{} at {}", it.found.name, it.url);
    let named: Vec<String> = reached.iter().take(MAX_NAMED).map(named).collect();
    let more = reached.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{} servers on this network: {}{more}; say which with chat join URL",
        reached.len(),
        named.join(", ")
    )
}

/// How many servers fit a line.
const MAX_NAMED: usize = 8;

/// Far longer than any number.
const MAX_LINE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_asked_for_until_there_is_one() {
        let choice = |input: &str| read(2, &mut Output::plain(), &mut input.as_bytes()).unwrap();
        assert_eq!(choice("\n"), Choice::Server(0));
        assert_eq!(choice("0\n3\nlab\n 2 \n"), Choice::Server(1));
        assert_eq!(choice(""), Choice::Nothing);
    }
}
