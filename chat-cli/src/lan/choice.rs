//! The choice between several servers: a short list on the terminal, or one line that names them.

use std::io::{self, BufRead, Read};

use anyhow::Context;

use super::{reporter::Reporter, server::ReachableServer};
use crate::output::Output;
use chat_front::text::{Line, Sanitized};

/// The user's answer.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Choice {
    /// The server at this index of the list.
    Server(usize),
    /// No server: the input ended.
    None,
}

/// Prints the list of `servers` and asks for one of them. With `has_last`, the first one is the server used last.
///
/// # Errors
/// When the list cannot be printed, or the answer cannot be read.
pub(super) fn ask(
    servers: &[ReachableServer],
    has_last: bool,
    reporter: &mut Reporter,
) -> anyhow::Result<Choice> {
    let out = reporter.output();
    out.line(&Line::note("servers on this network:"))?;
    for (at, server) in servers.iter().enumerate() {
        let line = Line::default().words("   ").number(at as u64 + 1).words("  ");
        let line = line.shown(&Sanitized::line(&server.found.name)).faint("  ").number(server.found.rooms);
        let line = line.faint(if server.found.rooms == 1 { " room  " } else { " rooms  " });
        let line = line.shown(&Sanitized::line(&server.url.to_string()));
        out.line(&if at == 0 && has_last { line.faint("  (last used)") } else { line })?;
    }
    read(servers.len(), out, &mut io::stdin().lock())
}

/// Asks until the answer is a number from 1 to `count`. An empty answer means 1.
fn read(count: usize, out: &mut Output, input: &mut impl BufRead) -> anyhow::Result<Choice> {
    loop {
        out.write(b"Which one [1]: ")?;
        let mut line = Vec::new();
        let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.context("cannot read the number of the server")? == 0 {
            out.write(b"\n")?;
            return Ok(Choice::None);
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

/// One line that names `servers` and says how to choose one.
pub(super) fn which(servers: &[ReachableServer]) -> String {
    let named = |server: &ReachableServer| format!("{} at {}", server.found.name, server.url);
    let named: Vec<String> = servers.iter().take(MAX_NAMED).map(named).collect();
    let more = servers.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{} servers on this network: {}{more}; choose one with chat join URL",
        servers.len(),
        named.join(", ")
    )
}

/// How many servers the line names.
const MAX_NAMED: usize = 8;

/// The longest input line that is read; far longer than any number.
const MAX_LINE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_repeated_until_the_answer_is_a_number() {
        let choice = |input: &str| read(2, &mut Output::plain(), &mut input.as_bytes()).unwrap();
        assert_eq!(choice("\n"), Choice::Server(0));
        assert_eq!(choice("0\n3\nlab\n 2 \n"), Choice::Server(1));
        assert_eq!(choice(""), Choice::None);
    }
}
