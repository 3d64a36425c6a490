//! A program that panics gives the terminal back first. These are the real program and a transport that panics, which it
//! is told to use; so this binary is the program as well as the test.
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "it/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "it/pty.rs"]
mod pty;

use std::{
    env, io,
    process::{Command, ExitCode},
};

use chat_core::{
    Address,
    transport::{BoxLink, Listening, MAX_LINK_FRAME, Promises, Transport},
};
use futures::{FutureExt, future::BoxFuture};
use libtest_mimic::{Arguments, Trial};
use process::Server;
use pty::Screen;

/// A transport that panics where it is dialled: if it promises nothing, in the middle of joining.
struct Panics {
    is_lossy: bool,
}

impl Transport for Panics {
    fn promises(&self) -> Promises {
        Promises { ordered: !self.is_lossy, reliable: !self.is_lossy, max_frame: MAX_LINK_FRAME }
    }

    fn listen<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        unreachable!("nobody listens there")
    }

    fn dial<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async { panic!("as it was told") }.boxed()
    }
}

fn main() -> ExitCode {
    if env::var_os(IS_THE_PROGRAM).is_some() {
        let transports = chat_cli::standard();
        let transports = transports.with("panics", Panics { is_lossy: false });
        return chat_cli::run(transports.with("panics-at-once", Panics { is_lossy: true }));
    }
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(
        &arguments,
        vec![
            trial("a_panic_before_the_screen_is_drawn_is_shown", || {
                panics(&["panics-at-once://somewhere"], "")
            }),
            trial("a_panic_under_the_screen_gives_the_terminal_back", || {
                panics(&[&Server::start().1], "/transport panics://somewhere\r");
            }),
            trial("a_panic_between_plain_lines_is_shown", || {
                panics(&[&Server::start().1, "--plain"], "/transport panics://somewhere\r");
            }),
        ],
    )
    .exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// Joins with `args` and types that, which is the end of it.
fn panics(args: &[&str], typed: &str) {
    let mut ana = Command::new(env::current_exe().unwrap());
    let home = tempfile::tempdir().unwrap();
    ana.env("XDG_CONFIG_HOME", home.path()).env("XDG_STATE_HOME", home.path());
    ana.env(IS_THE_PROGRAM, "").arg("join").args(args);
    ana.env("RUST_BACKTRACE", "0"); // what is waited for would go off the screen
    let mut ana = Screen::of(100, 24, ana.args(["--name", "ana"]));
    if !typed.is_empty() {
        ana.wait_for("1 here");
        ana.press(typed);
    }
    assert!(!ana.ended().success(), "{args:?}");
    let said = ana.wait_for("as it was told");
    assert!(said.contains("panicked"), "{said}");
}

const IS_THE_PROGRAM: &str = "TEST_IS_THE_PROGRAM";
