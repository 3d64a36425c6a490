//! What the suite finds, as a value: which checks failed, and which rule or clause the transport breaks.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{CHECKS, Check, Subject, rules::RULE, run};

/// The result of all checks on a transport.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// How many checks passed.
    pub passed: usize,
    /// The checks that failed.
    pub failures: Vec<Failure>,
}

/// A check that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The name of the check.
    pub check: &'static str,
    /// What the transport breaks: a rule of docs/transports.md, such as `rule 3`, or clauses of docs/protocol.md, such as
    /// `protocol 7.1`.
    pub clause: String,
    /// What the check saw.
    pub why: String,
}

impl Verdict {
    /// Whether nothing failed.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        write!(f, "{} checks passed, {} failed", self.passed, self.failures.len())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.clause, self.check, self.why)
    }
}

/// Runs all checks, each on a subject that `make` makes for it. A panic hook that prints goes on printing meanwhile.
pub fn verdict(make: impl Fn() -> Subject) -> Verdict {
    verdict_of(CHECKS, make)
}

/// The same with some of the checks.
pub fn verdict_of<'a>(checks: impl IntoIterator<Item = &'a Check>, make: impl Fn() -> Subject) -> Verdict {
    let mut verdict = Verdict::default();
    for check in checks {
        let checked =
            catch_unwind(AssertUnwindSafe(|| run(&make(), async |subject| (check.run)(subject).await)));
        match checked {
            Ok(()) => verdict.passed += 1,
            Err(panic) => verdict.failures.push(failure(check, &*panic)),
        }
    }
    verdict
}

fn failure(check: &Check, panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
    // A check of several rules says which one was broken.
    let named = text.strip_prefix(RULE).and_then(|rest| rest.split_once(": "));
    let (clause, why) = match named {
        Some((rule, why)) => (format!("{RULE}{rule}"), why),
        None => (check.clause.to_owned(), text),
    };
    Failure { check: check.name, clause, why: why.to_owned() }
}
