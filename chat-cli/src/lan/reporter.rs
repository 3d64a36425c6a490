//! Reports the search for a server: as lines for people, or as JSON events for programs.

use chat_core::Address;
use chat_discovery::Found;
use chat_front::text::{Line, Sanitized};
use serde::Serialize;

use super::server::ReachableServer;
use crate::output::Output;

/// Reports to the user, as lines or as JSON.
pub(crate) struct Reporter {
    out: Output,
    json: bool,
    can_ask: bool,
    /// The latest line, for a screen that covers it.
    last: Option<Line>,
}

/// A JSON event.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Report<'a> {
    Found {
        name: &'a str,
        id: String,
        url: String,
    },
    Hosting {
        url: String,
    },
    HostingEnds {
        others: usize,
    },
    Silent {
        name: &'a str,
        urls: Vec<String>,
    },
    /// The server speaks another version of the protocol.
    Stranger {
        name: &'a str,
        urls: Vec<String>,
    },
}

impl Reporter {
    /// Reports as JSON or as lines. With lines and a terminal, the user can be asked.
    pub(crate) fn new(json: bool, has_terminal: bool) -> Reporter {
        Reporter { out: Output::plain(), json, can_ask: has_terminal && !json, last: None }
    }

    pub(super) fn can_ask(&self) -> bool {
        self.can_ask
    }

    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.out
    }

    /// Takes the latest line, so that a screen that covers it can show it again.
    pub(crate) fn take_last(&mut self) -> Option<Line> {
        self.last.take()
    }

    pub(super) fn joining(&mut self, server: &ReachableServer) -> anyhow::Result<()> {
        let ReachableServer { found, url } = server;
        if self.json {
            let (name, id, url) = (&found.name, found.id.to_string(), url.to_string());
            return Ok(self.out.json(&Report::Found { name, id, url })?);
        }
        let line = Line::note("joining ").shown(&Sanitized::line(&found.name)).words(" at ");
        self.print(line.shown(&Sanitized::line(&url.to_string())))
    }

    pub(super) fn hosting(&mut self, url: &Address) -> anyhow::Result<()> {
        if self.json {
            return Ok(self.out.json(&Report::Hosting { url: url.to_string() })?);
        }
        let line = Line::note("no server here: you host one, at ").shown(&Sanitized::line(&url.to_string()));
        self.print(line.words("; it ends when you leave"))
    }

    pub(super) fn silent(&mut self, server: &Found) -> anyhow::Result<()> {
        self.found(server, |name, urls| Report::Silent { name, urls }, Line::note("no answer from "))
    }

    pub(super) fn incompatible(&mut self, server: &Found) -> anyhow::Result<()> {
        self.found(
            server,
            |name, urls| Report::Stranger { name, urls },
            Line::note("another version of the protocol: "),
        )
    }

    fn found<'a>(
        &mut self,
        server: &'a Found,
        event: impl FnOnce(&'a str, Vec<String>) -> Report<'a>,
        line: Line,
    ) -> anyhow::Result<()> {
        let urls: Vec<String> = server.urls.iter().map(Address::to_string).collect();
        if self.json {
            return Ok(self.out.json(&event(&server.name, urls))?);
        }
        let line = line.shown(&Sanitized::line(&server.name)).words(" at ");
        Ok(self.out.line(&line.shown(&Sanitized::line(urls.first().map_or("", String::as_str))))?)
    }

    /// Reports that the hosted server ends although `others` are connected.
    pub(super) fn ends(&mut self, others: usize) -> anyhow::Result<()> {
        if self.json {
            return Ok(self.out.json(&Report::HostingEnds { others })?);
        }
        Ok(self.out.line(&losing(Line::note("the server ends; "), others))?)
    }

    fn print(&mut self, line: Line) -> anyhow::Result<()> {
        self.out.line(&line)?;
        self.last = Some(line);
        Ok(())
    }
}

/// Adds to `line` how many people lose the server.
pub(super) fn losing(line: Line, others: usize) -> Line {
    let line = line.number(others as u64);
    line.words(if others == 1 { " other loses it" } else { " others lose it" })
}
