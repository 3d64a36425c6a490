//! The report of the doctor: one line for people or one JSON object for programs for each step, and a verdict.

use anstyle::{AnsiColor, Style};
use chat_front::text::{Line, Sanitized};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{output::Output, settings::Colours};

/// The outcome of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// The step works.
    Ok,
    /// Something is unusual, but chat works.
    Odd,
    /// The step fails.
    Bad,
    /// The step does not apply.
    Skipped,
}

/// One step of the examination.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    step: &'static str,
    outcome: Outcome,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    #[serde(flatten)]
    values: Map<String, Value>,
}

impl Step {
    pub(super) fn ok(step: &'static str, text: impl Into<String>) -> Step {
        Step::new(step, Outcome::Ok, text)
    }

    pub(super) fn skipped(step: &'static str, text: impl Into<String>) -> Step {
        Step::new(step, Outcome::Skipped, text)
    }

    pub(super) fn odd(step: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Step {
        Step { advice: Some(advice.into()), ..Step::new(step, Outcome::Odd, text) }
    }

    pub(super) fn bad(step: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Step {
        Step { advice: Some(advice.into()), ..Step::new(step, Outcome::Bad, text) }
    }

    /// Adds a value for programs.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Step {
        self.values.insert(key.to_owned(), value.into());
        self
    }

    /// Turns a failure into something unusual if `forgiven`.
    pub(super) fn forgiven(mut self, forgiven: bool) -> Step {
        if forgiven && self.outcome == Outcome::Bad {
            self.outcome = Outcome::Odd;
        }
        self
    }

    /// Replaces the text.
    pub(super) fn says(self, text: String) -> Step {
        Step { text, ..self }
    }

    pub(super) fn is_bad(&self) -> bool {
        self.outcome == Outcome::Bad
    }

    fn new(step: &'static str, outcome: Outcome, text: impl Into<String>) -> Step {
        Step { step, outcome, text: text.into(), advice: None, values: Map::new() }
    }
}

/// Prints the steps as they are done.
#[derive(Debug)]
pub(super) struct Report {
    out: Output,
    is_json: bool,
    /// The advice of the first step that fails, or else of the first unusual one.
    first: Option<(Outcome, String)>,
}

impl Report {
    pub(super) fn new(is_json: bool, colours: Colours) -> Report {
        let out = if is_json { Output::plain() } else { Output::coloured(colours) };
        Report { out, is_json, first: None }
    }

    /// Prints `step` and remembers its advice.
    ///
    /// # Errors
    /// When the step cannot be printed.
    pub(super) fn add(&mut self, step: Step) -> anyhow::Result<()> {
        if self.is_json {
            self.out.json(&step)?;
        } else {
            let (word, colour) = match step.outcome {
                Outcome::Ok => ("ok    ", Some(AnsiColor::Green)),
                Outcome::Odd => ("odd   ", Some(AnsiColor::Yellow)),
                Outcome::Bad => ("BAD   ", Some(AnsiColor::Red)),
                Outcome::Skipped => ("-     ", None),
            };
            let style = Style::new().fg_color(colour.map(Into::into)).bold();
            let line =
                Line::default().styled(style, word).shown(&Sanitized::line(&format!("{:<12}", step.step)));
            self.out.line(&line.shown(&Sanitized::line(&step.text)))?;
        }
        if let Some(advice) = step.advice {
            let is_worse =
                |(first, _): &(Outcome, String)| *first == Outcome::Odd && step.outcome == Outcome::Bad;
            if self.first.as_ref().is_none_or(is_worse) {
                self.first = Some((step.outcome, advice));
            }
        }
        Ok(())
    }

    /// Prints the verdict, with advice on the first failure. Returns whether no step failed.
    ///
    /// # Errors
    /// When the verdict cannot be printed.
    pub(super) fn end(mut self) -> anyhow::Result<bool> {
        let works = self.first.as_ref().is_none_or(|(outcome, _)| *outcome != Outcome::Bad);
        let advice = self.first.as_ref().map(|(_, advice)| advice.as_str());
        if self.is_json {
            let mut verdict = Map::new();
            verdict.insert("step".to_owned(), "verdict".into());
            verdict.insert("outcome".to_owned(), if works { "ok" } else { "bad" }.into());
            verdict.extend(advice.map(|advice| ("advice".to_owned(), advice.into())));
            self.out.json(&verdict)?;
            return Ok(works);
        }
        let line = match (works, advice) {
            (true, None) => Line::note("everything works"),
            (true, Some(advice)) => {
                Line::note("chat works, with a warning: ").shown(&Sanitized::line(advice))
            }
            (false, advice) => {
                Line::note("what to do first: ").shown(&Sanitized::line(advice.unwrap_or_default()))
            }
        };
        self.out.line(&line)?;
        Ok(works)
    }
}
