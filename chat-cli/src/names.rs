//! The names to try where the command line gives none: the one from the settings, or the login name made into one that
//! is allowed. And names that are made up.

use chat_core::{PersonName, Runtime, token};

/// `what`, a hyphen and six letters or digits by chance: a name that nobody else has at the same time.
pub(crate) fn made_up(what: &str, runtime: &dyn Runtime) -> String {
    format!("{what}-{}", token(runtime.random())[..6].replace(['-', '_'], "x"))
}

/// The login name, then the same with -2 to -9 after it.
pub(crate) fn from_login() -> Vec<String> {
    let variable = |name| std::env::var(name).ok();
    let login = variable("USER").or_else(|| variable("LOGNAME")).or_else(|| whoami::username().ok());
    candidates(&login.unwrap_or_default(), |name| PersonName::parse(name).is_ok())
}

/// `name`, then the same with -2 to -9 after it as far as that is a name.
pub(crate) fn from_settings(name: &PersonName) -> Vec<String> {
    let numbered = (2..=9).map(|number| format!("{name}-{number}"));
    let numbered = numbered.filter(|it| PersonName::parse(it).is_ok());
    std::iter::once(name.to_string()).chain(numbered).collect()
}

fn candidates(login: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let letters = |c: &char| c.is_alphanumeric() || "-_.".contains(*c);
    // Room for the two characters of a number.
    let shortened: String = login.chars().filter(letters).take(MAX_LENGTH - 2).collect();
    let name = [login, &shortened].into_iter().find(|it| allowed(it) && allowed(&format!("{it}-9")));
    let name = name.unwrap_or(NOBODY);
    let numbered = (2..=9).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).collect()
}

/// The longest name in characters.
const MAX_LENGTH: usize = 32;

/// Who has no login name that could be made into a name.
const NOBODY: &str = "guest";

#[cfg(test)]
mod tests {
    use super::*;

    fn first_and_last(login: &str) -> (String, String) {
        let allowed = |name: &str| {
            (1..=32).contains(&name.chars().count())
                && name.len() <= 64
                && !name.contains([' ', '\\', '\u{1b}'])
        };
        let names = candidates(login, allowed);
        assert_eq!(names.len(), 9);
        assert!(names.iter().all(|name| allowed(name)), "{names:?}");
        (names[0].clone(), names[8].clone())
    }

    #[test]
    fn a_login_becomes_a_name_and_eight_more() {
        assert_eq!(first_and_last("ana"), ("ana".into(), "ana-9".into()));
        assert_eq!(first_and_last("HOUSE\\ana b"), ("HOUSEanab".into(), "HOUSEanab-9".into()));
        assert_eq!(first_and_last("\u{1b}[2J").0, "2J");
        let long = "x".repeat(40);
        assert_eq!(first_and_last(&long), (long[..30].into(), format!("{}-9", &long[..30])));
        assert_eq!(first_and_last(&long[..31]).0, long[..30]);
    }

    #[test]
    fn nothing_usable_makes_a_guest() {
        assert_eq!(first_and_last("").0, "guest");
        assert_eq!(first_and_last(" \u{1b} ").0, "guest");
        assert_eq!(first_and_last(&"語".repeat(40)).0, "guest");
    }
}
