//! The program of the operator's choice: how it is started, and that nothing of it outlives its use.

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

use super::{ears::Caller, group};

/// A program with its arguments. What others say never becomes a part of them.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    arguments: Vec<String>,
}

impl Program {
    /// Reads `command`: words and quotes as in a POSIX shell, or with `shell` anything a shell understands.
    ///
    /// # Errors
    /// When a quote is left open, or there is no such program.
    pub(crate) fn parse(command: &str, shell: bool) -> anyhow::Result<Program> {
        if shell {
            let arguments = ["-c", command].map(str::to_owned).to_vec();
            return Ok(Program { name: "sh".to_owned(), arguments });
        }
        let words = shlex::split(command).context("cannot run this: a quote is not closed")?;
        let Some((name, arguments)) = words.split_first() else { bail!("cannot run this: it is empty") };
        if !exists(name) {
            bail!("cannot run {name}: there is no such program");
        }
        Ok(Program { name: name.clone(), arguments: arguments.to_vec() })
    }

    /// Starts it for `caller`, who talks to `me`.
    ///
    /// # Errors
    /// When the system cannot.
    pub(crate) fn start(
        &self,
        me: &PersonName,
        caller: &Caller,
    ) -> io::Result<(ChildStdin, ChildStdout, Running)> {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).env("CHAT_FROM", caller.person.as_str()).env("CHAT_BOT", me.as_str());
        match caller.room.is_inbox() {
            true => command.env_remove("CHAT_ROOM"),
            false => command.env("CHAT_ROOM", caller.room.as_str()),
        };
        group::lead(&mut command);
        let mut command = async_process::Command::from(command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        match (stdin, stdout) {
            (Some(stdin), Some(stdout)) => Ok((stdin, stdout, Running { child, has_ended: false })),
            _ => Err(io::ErrorKind::BrokenPipe.into()), // they are piped
        }
    }
}

/// A program that was started. It ends with this, and so do those that it started.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    has_ended: bool,
}

impl Running {
    /// How it ended, once it has.
    pub(crate) async fn end(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.status().await;
        self.has_ended = true;
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            group::kill(&mut self.child); // async-process waits for it
        }
    }
}

/// Whether the system would find a program of that name.
fn exists(name: &str) -> bool {
    let is_path = Path::new(name).components().count() > 1;
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_program = |path: &Path| path.is_file() || (cfg!(windows) && path.with_extension("exe").is_file());
    match is_path {
        true => is_program(Path::new(name)),
        false => env::split_paths(&folders).any(|folder| is_program(&folder.join(OsStr::new(name)))),
    }
}
