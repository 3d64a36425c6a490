//! What the user is told on the way: in lines for people, in events for programs.

use chat_core::Address;
use chat_discovery::Found;
use serde::Serialize;

use super::Reached;
use crate::{
    output::{Line, Output},
    sanitize::Sanitized,
};

/// Tells, in lines or in JSON.
pub(crate) struct Tell {
    out: Output,
    json: bool,
    can_ask: bool,
    /// What was told last, for a screen that covers it.
    last: Option<Line>,
}

/// The same for programs.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told<'a> {
    Found { name: &'a str, id: String, url: String },
    Hosting { url: String },
    HostingEnds { others: usize },
    Silent { name: &'a str, urls: Vec<String> },
    Stranger { name: &'a str, urls: Vec<String> },
}

impl Tell {
    /// In JSON, or in lines to somebody who can be asked if there is a terminal.
    pub(crate) fn new(json: bool, has_terminal: bool) -> Tell {
        Tell { out: Output::plain(), json, can_ask: has_terminal && !json, last: None }
    }

    pub(super) fn can_ask(&self) -> bool {
        self.can_ask
    }

    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.out
    }

    /// How the server was come by, to be said where there is a screen over what was printed.
    pub(crate) fn take_last(&mut self) -> Option<Line> {
        self.last.take()
    }

    pub(super) fn joining(&mut self, server: &Reached) -> anyhow::Result<()> {
        let Reached { found, url } = server;
        if self.json {
            let (name, id, url) = (&found.name, found.id.to_string(), url.to_string());
            return Ok(self.out.json(&Told::Found { name, id, url })?);
        }
        let line = Line::note("joining ").shown(&Sanitized::line(&found.name)).words(" at ");
        self.say(line.shown(&Sanitized::line(&url.to_string())))
    }

    pub(super) fn hosting(&mut self, url: &Address) -> anyhow::Result<()> {
        if self.json {
            return Ok(self.out.json(&Told::Hosting { url: url.to_string() })?);
        }
        let line = Line::note("no server here: you host one, at ").shown(&Sanitized::line(&url.to_string()));
        self.say(line.words("; it ends when you leave"))
    }

    pub(super) fn silent(&mut self, server: &Found) -> anyhow::Result<()> {
        self.aside(server, |name, urls| Told::Silent { name, urls }, Line::note("nobody answers as "))
    }

    pub(super) fn stranger(&mut self, server: &Found) -> anyhow::Result<()> {
        self.aside(
            server,
            |name, urls| Told::Stranger { name, urls },
            Line::note("another version of the protocol is spoken by "),
        )
    }

    fn aside<'a>(
        &mut self,
        server: &'a Found,
        event: impl FnOnce(&'a str, Vec<String>) -> Told<'a>,
        line: Line,
    ) -> anyhow::Result<()> {
        let urls: Vec<String> = server.urls.iter().map(Address::to_string).collect();
        if self.json {
            return Ok(self.out.json(&event(&server.name, urls))?);
        }
        let line = line.shown(&Sanitized::line(&server.name)).words(" at ");
        Ok(self.out.line(&line.shown(&Sanitized::line(urls.first().map_or("", String::as_str))))?)
    }

    /// That the server ends with us although `others` are in.
    pub(super) fn ends(&mut self, others: usize) -> anyhow::Result<()> {
        if self.json {
            return Ok(self.out.json(&Told::HostingEnds { others })?);
        }
        Ok(self.out.line(&losing(Line::note("the server ends; "), others))?)
    }

    fn say(&mut self, line: Line) -> anyhow::Result<()> {
        self.out.line(&line)?;
        self.last = Some(line);
        Ok(())
    }
}

/// `line`, with how many people lose the server.
pub(super) fn losing(line: Line, others: usize) -> Line {
    let line = line.number(others as u64);
    line.words(if others == 1 { " other loses it" } else { " others lose it" })
}
