//! The names to try where the command line gives none: the name from the settings, or the login name turned into a valid
//! name. Also unique names for test clients.

use chat_core::{PersonName, Runtime, token};

/// `what`, a hyphen and six random letters or digits: a name that no other client uses at the same time.
pub(crate) fn unique(what: &str, runtime: &dyn Runtime) -> String {
    format!("{what}-{}", token(runtime.random())[..6].replace(['-', '_'], "x"))
}

/// The login name, then the login name with -2 to -9 appended.
pub(crate) fn from_login() -> Vec<String> {
    let variable = |name| std::env::var(name).ok();
    let login = variable("USER").or_else(|| variable("LOGNAME")).or_else(|| whoami::username().ok());
    candidates(&login.unwrap_or_default(), |name| PersonName::parse(name).is_ok())
}

/// `name`, then `name` with -2 to -9 appended, as far as these are valid names.
pub(crate) fn from_settings(name: &PersonName) -> Vec<String> {
    let numbered = (2..=9).map(|number| format!("{name}-{number}"));
    let numbered = numbered.filter(|name| PersonName::parse(name).is_ok());
    std::iter::once(name.to_string()).chain(numbered).collect()
}

fn candidates(login: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let letters = |c: &char| c.is_alphanumeric() || "-_.".contains(*c);
    // Leaves space for a suffix such as -2.
    let shortened: String = login.chars().filter(letters).take(MAX_LENGTH - 2).collect();
    let name = [login, &shortened].into_iter().find(|name| allowed(name) && allowed(&format!("{name}-9")));
    let name = name.unwrap_or(FALLBACK);
    let numbered = (2..=9).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).collect()
}

/// The length of the longest valid name, in characters.
const MAX_LENGTH: usize = 32;

/// The name of a user whose login name cannot be turned into a valid name.
const FALLBACK: &str = "guest";

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
    fn an_unusable_login_becomes_guest() {
        assert_eq!(first_and_last("").0, "guest");
        assert_eq!(first_and_last(" \u{1b} ").0, "guest");
        assert_eq!(first_and_last(&"語".repeat(40)).0, "guest");
    }
}
