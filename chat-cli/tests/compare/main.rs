//! `chat compare` as a program, with a third transport. This binary is both the test and that program. Checks run one after
//! the other, since they measure time.
#![allow(clippy::unwrap_used, missing_docs)]

mod ending;
mod fates;
mod held;
#[allow(dead_code)]
#[path = "../it/process.rs"]
mod process;
mod refused;

use std::{
    env, io,
    path::Path,
    process::{Command, ExitCode, Output, Stdio},
    sync::OnceLock,
};

use chat_core::{
    Address,
    transport::{BoxLink, Listening, Promises, Transport},
};
use chat_tcp::Tcp;
use chat_testkit::needs::{self, Need};
use futures::future::BoxFuture;
use libtest_mimic::Arguments;

/// Emulated links can be made here.
const LINKS: Need = Need::Other("emulated links", || {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    TRIED.get_or_init(has_links).clone()
});

type Check = (&'static str, &'static [Need], fn());

const CHECKS: &[Check] = &[
    ("impossible_arguments_are_refused_by_name", &[], refused::impossible),
    ("a_user_without_permission_for_links_is_told_what_allows_them", &[], refused::not_permitted),
    ("every_contestant_has_the_conversation_also_a_third_transport", &[LINKS], held::all),
    ("conversations_are_repeated_and_contestants_take_turns", &[LINKS], held::repeated),
    ("recovery_after_an_outage_is_reported", &[LINKS], held::outage),
    ("a_transport_that_cannot_cross_the_link_fails_alone", &[LINKS], held::one_fails),
    ("without_a_link_nothing_is_impaired", &[], held::loopback),
    ("a_server_that_runs_elsewhere_is_used", &[], held::server),
    ("the_same_seed_makes_the_same_losses", &[LINKS], fates::same),
    ("an_interrupted_run_prints_its_figures_and_leaves_nothing", &[LINKS], ending::interrupted),
    ("a_killed_run_leaves_nothing", &[LINKS], ending::killed),
];

/// TCP under another name, in place of a transport that a user adds.
struct Third(Tcp);

impl Transport for Third {
    fn promises(&self) -> Promises {
        self.0.promises()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.0.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.0.dial(address)
    }
}

fn main() -> ExitCode {
    if env::var_os(IS_THE_PROGRAM).is_some() {
        let third = Third(Tcp::new(std::sync::Arc::new(chat_cli::Pool)));
        let transports = chat_cli::standard().with("third", third);
        return chat_cli::run(transports.with("memory", chat_core::memory::Memory::default()));
    }
    let trials = CHECKS.iter().map(|(name, needs, check)| needs::trial(name, needs, check));
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    needs::run_with(&arguments, trials.collect())
}

/// The program, with the third transport.
fn program(args: &[&str]) -> Command {
    let mut chat = process::program();
    let mut this = Command::new(env::current_exe().unwrap());
    for (name, value) in chat.get_envs() {
        match value {
            Some(value) => this.env(name, value),
            None => this.env_remove(name),
        };
    }
    chat = this;
    chat.env(IS_THE_PROGRAM, "")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    chat
}

/// The output of a command, which has to end within a minute.
fn output(command: Command) -> Output {
    assert_cmd::Command::from_std(command).timeout(std::time::Duration::from_secs(60)).output().unwrap()
}

/// Runs a comparison. Returns its report, and the printed text as one line, because the program wraps lines anywhere.
fn compared(args: &[&str], folder: &Path) -> (serde_json::Value, String) {
    let json = folder.join("figures.json");
    let said = output(program(&[&["compare", "--json", json.to_str().unwrap()], args].concat()));
    let (printed, errors) = (text(&said.stdout), text(&said.stderr));
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.status.success(), "{args:?}: {errors}");
    (serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap(), printed)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether links can be emulated here, or why not.
fn has_links() -> Result<(), String> {
    let args = ["compare", "--people", "2", "--lasts", "100ms", "--condition", "", "--contestants", "tcp"];
    let tried = output(program(&args));
    let why = text(&tried.stderr);
    if why.contains("no emulated link here") { Err(why.trim_end().to_owned()) } else { Ok(()) }
}

const IS_THE_PROGRAM: &str = "TEST_IS_THE_PROGRAM";
