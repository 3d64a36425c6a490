//! The server of one conversation: this program as a process of its own, so that its processor time can be measured.

use std::{env, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use async_process::{Child, Command};
use chat_core::{Address, SharedRuntime, within};
use futures::{AsyncBufReadExt, AsyncReadExt, StreamExt, io::BufReader};

use crate::process;

/// A running server. It ends when this is dropped, or when this process ends.
pub(super) struct Server {
    child: Child,
    /// The address on which the server listens.
    pub(super) address: Address,
}

impl Server {
    /// Starts a server that listens at `at` and stores nothing on disk.
    ///
    /// # Errors
    /// When the server does not listen within ten seconds: its last line on standard error.
    pub(super) async fn start(at: &Address, runtime: &SharedRuntime) -> anyhow::Result<Server> {
        let program = env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(["serve", "--memory", "--no-announce", "--unlimited", "--listen", &at.to_string()])
            .args(["--child-of", &std::process::id().to_string()])
            .env("RUST_LOG", "error") // standard error is read only when the server does not start
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a server")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = within(START_TIMEOUT, &**runtime, lines.next()).await;
        if let Some(Some(Ok(line))) = line
            && let Some(address) = line.strip_prefix("listening on ")
        {
            let address = address.parse().with_context(|| format!("the server printed {line:?}"))?;
            return Ok(Server { child, address });
        }
        child.kill().context("cannot end the server")?;
        let mut why = String::new();
        if let Some(stderr) = &mut child.stderr {
            let _ = within(START_TIMEOUT, &**runtime, stderr.read_to_string(&mut why)).await;
        }
        let why = why.lines().last().unwrap_or("it printed nothing");
        bail!("no server: {}", why.strip_prefix("chat: ").unwrap_or(why))
    }

    /// The processor time that the server has used, where the system reports it.
    pub(super) fn cpu(&self) -> Option<Duration> {
        process::cpu(self.child.id())
    }
}

const START_TIMEOUT: Duration = Duration::from_secs(10);
