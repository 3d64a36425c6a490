//! What has to hold in any history, whatever happened in it.

mod answers;
mod case;
mod reading;
mod stored;

use std::fmt;

use super::{Happening, Plan, Report};
use case::Case;

/// One thing that has to hold.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// A log numbers its entries without holes, and keeps what it stored.
    Dense,
    /// What was acknowledged is stored, at that very number.
    AckedIsStored,
    /// Nothing is stored twice.
    StoredOnce,
    /// What was refused is not stored.
    RefusedIsNotStored,
    /// Whatever is stored was asked for, as it is.
    OnlyWhatWasAsked,
    /// A reader is shown every number once and in order, and ends at the head.
    ShownInOrder,
    /// The same number is the same entry for everybody.
    SameForAll,
    /// What one person says stays in the order in which it was said.
    SenderOrder,
    /// What was asked after something else was acknowledged comes after it.
    RealTimeOrder,
    /// Numbers begin anew only where a log was lost.
    Epoch,
    /// A direct message is told once.
    ToldOnce,
    /// Every request is answered once.
    AnsweredOnce,
    /// Everybody knows who is in.
    Presence,
}

/// Something that must not have happened.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What it is against.
    pub rule: Rule,
    /// What happened.
    pub what: String,
    /// The place in the history where it shows.
    pub at: Option<usize>,
}

/// What is against the rules in a history.
pub(super) fn check(report: &Report, plan: &Plan) -> Vec<Violation> {
    let mut case = Case::open(report, plan);
    stored::check(&mut case);
    reading::check(&mut case);
    answers::check(&mut case);
    case.violations
}

impl Violation {
    /// The violation, with what happened around it.
    pub fn in_context<'a>(&'a self, history: &'a [Happening]) -> impl fmt::Display + 'a {
        InContext { violation: self, history }
    }
}

struct InContext<'a> {
    violation: &'a Violation,
    history: &'a [Happening],
}

impl fmt::Display for InContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}: {}", self.violation.rule, self.violation.what)?;
        let Some(at) = self.violation.at else { return Ok(()) };
        // Of the same person, and of the world.
        let who = self.history.get(at).and_then(|it| it.who);
        let near = |it: &&(usize, &Happening)| it.1.who.is_none() || it.1.who == who;
        let numbered: Vec<(usize, &Happening)> = self.history.iter().enumerate().collect();
        let mut before: Vec<_> = numbered[..at].iter().rev().filter(near).take(BEFORE).collect();
        before.reverse();
        for (number, it) in before.into_iter().chain(numbered[at..].iter().filter(near).take(AFTER)) {
            writeln!(f, "{} {number:>6} {it}", if *number == at { ">" } else { " " })?;
        }
        Ok(())
    }
}

/// How much of a history is shown before a violation, and from it on.
const BEFORE: usize = 12;
const AFTER: usize = 6;
