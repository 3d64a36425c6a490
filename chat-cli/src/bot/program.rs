//! The program that answers: how it is parsed, started and, with all its child processes, ended.

use std::{
    env,
    ffi::OsStr,
    io,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, bail};
use async_process::{Child, ChildStdin, ChildStdout};
use chat_core::PersonName;

use super::{job::Requester, process_group};

/// A program with its arguments. Messages of other people never become arguments.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    arguments: Vec<String>,
}

impl Program {
    /// Parses `command`: words and quotes as in a POSIX shell. With `shell`, the command is passed to `sh -c`.
    ///
    /// # Errors
    /// When a quote is not closed, or the program does not exist.
    pub(crate) fn parse(command: &str, shell: bool) -> anyhow::Result<Program> {
        if shell {
            let arguments = ["-c", command].map(str::to_owned).to_vec();
            return Ok(Program { name: "sh".to_owned(), arguments });
        }
        let words = shlex::split(command).context("cannot run the program: a quote is not closed")?;
        let Some((name, arguments)) = words.split_first() else {
            bail!("cannot run the program: the command is empty")
        };
        if !exists(name) {
            bail!("cannot run {name}: there is no such program");
        }
        Ok(Program { name: name.clone(), arguments: arguments.to_vec() })
    }

    /// Starts the program for `requester`; `me` is the name of the bot.
    ///
    /// # Errors
    /// When the system cannot start it.
    pub(crate) fn start(
        &self,
        me: &PersonName,
        requester: &Requester,
    ) -> io::Result<(ChildStdin, ChildStdout, Running)> {
        let mut command = Command::new(&self.name);
        command
            .args(&self.arguments)
            .env("CHAT_FROM", requester.person.as_str())
            .env("CHAT_BOT", me.as_str());
        match requester.room.is_inbox() {
            true => command.env_remove("CHAT_ROOM"),
            false => command.env("CHAT_ROOM", requester.room.as_str()),
        };
        process_group::start_new(&mut command);
        let mut command = async_process::Command::from(command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        match (stdin, stdout) {
            (Some(stdin), Some(stdout)) => Ok((stdin, stdout, Running { child, has_ended: false })),
            _ => Err(io::ErrorKind::BrokenPipe.into()), // cannot happen: both are piped
        }
    }
}

/// A running program. Dropping it kills the program and all processes that the program started.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    has_ended: bool,
}

impl Running {
    /// Waits for the program to end and returns its status.
    pub(crate) async fn end(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.status().await;
        self.has_ended = true;
        status
    }

    /// Kills what the program, which has ended, left running. Its group keeps its number as long as a process is in it.
    pub(crate) fn end_rest(&mut self) {
        process_group::kill(&mut self.child);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            process_group::kill(&mut self.child); // async-process reaps the process
        }
    }
}

/// Whether the system finds a program called `name`.
fn exists(name: &str) -> bool {
    let is_path = Path::new(name).components().count() > 1;
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_program = |path: &Path| path.is_file() || (cfg!(windows) && path.with_extension("exe").is_file());
    match is_path {
        true => is_program(Path::new(name)),
        false => env::split_paths(&folders).any(|folder| is_program(&folder.join(OsStr::new(name)))),
    }
}
