//! Tests that need a tool or a permission of the machine. Where it is missing such a test is ignored, by name and with the
//! reason; with [`REQUIRE`] in the environment it fails instead.
//!
//! They stand in targets without libtest's harness, since only a test that runs can look at the machine:
//!
//! ```no_run
//! use chat_testkit::needs::{Need, run};
//!
//! fn packets_are_counted() {}
//!
//! fn main() -> std::process::ExitCode {
//!     run(chat_testkit::trials! { &[Need::Tool("tshark")] => { packets_are_counted } })
//! }
//! ```

use std::{
    env,
    path::Path,
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use libtest_mimic::{Arguments, Completion, Trial};

/// With this variable in the environment a test whose tool is missing fails.
pub const REQUIRE: &str = "CHAT_TESTS_REQUIRE_TOOLS";

/// Something that a machine with only Rust and a C compiler may lack.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// A program of this name in `PATH`.
    Tool(&'static str),
    /// Something else: what it is, and a function that returns why it is missing.
    Other(&'static str, fn() -> Result<(), String>),
}

impl Need {
    /// What is missing, in words; nothing if it is there.
    fn missing(&self) -> Option<String> {
        match self {
            Need::Tool(name) => (!is_in_path(name)).then(|| format!("{name}, which is not in PATH")),
            Need::Other(what, look) => look().err().map(|why| format!("{what} ({why})")),
        }
    }
}

/// A test that runs where the machine has everything in `needs`, and is ignored elsewhere.
pub fn trial(path: &str, needs: &'static [Need], test: impl FnOnce() + Send + 'static) -> Trial {
    trial_that_looks(path, needs, || {
        test();
        Ok(())
    })
}

/// The same for a test that only finds out when it begins whether the machine has the rest: it returns what is missing.
pub fn trial_that_looks(
    path: &str,
    needs: &'static [Need],
    test: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Trial {
    // The first part of a path is the name of the target, which cargo prints above.
    let name = path.split_once("::").map_or(path, |(_, name)| name).to_owned();
    let shown = name.clone();
    Trial::ignorable_test(name, move || {
        let missing = match needs.iter().find_map(Need::missing) {
            Some(missing) => missing,
            None => match test() {
                Ok(()) => return Ok(Completion::Completed),
                Err(missing) => missing,
            },
        };
        if env::var_os(REQUIRE).is_some() {
            return Err(format!("needs {missing}; {REQUIRE} is set, so this is a failure").into());
        }
        let reason = format!("needs {missing}");
        IGNORED.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{shown}: {reason}"));
        Ok(Completion::ignored_with(reason))
    })
}

/// Runs `trials` as the arguments of the program say. The last lines list what was ignored and why.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    run_with(&Arguments::from_args(), trials)
}

/// The same with other arguments, for a target whose tests may not run side by side.
#[expect(clippy::print_stdout, reason = "this is what a test runner is for")]
pub fn run_with(arguments: &Arguments, trials: Vec<Trial>) -> ExitCode {
    let conclusion = libtest_mimic::run(arguments, trials);
    let mut ignored = IGNORED.lock().unwrap_or_else(PoisonError::into_inner);
    ignored.sort();
    if !ignored.is_empty() {
        println!("ignored, because this machine lacks something they need:");
        ignored.iter().for_each(|line| println!("    {line}"));
        println!();
    }
    conclusion.exit_code()
}

/// Whether a file of this name can be run from one of the directories in `PATH`.
fn is_in_path(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| is_program(&folder.join(name)))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file() || file.with_extension("exe").is_file()
}

/// The tests that were ignored so far, and why.
static IGNORED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Trials from functions: each list of needs with the tests that have them. A test is named after its module.
#[macro_export]
macro_rules! trials {
    ($($needs:expr => { $($test:ident),+ $(,)? })+) => {
        ::std::vec![$($(
            $crate::needs::trial(
                ::std::concat!(::std::module_path!(), "::", ::std::stringify!($test)),
                $needs,
                $test,
            ),
        )+)+]
    };
}
