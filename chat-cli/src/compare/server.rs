//! The server of one conversation: this very program as a process of its own, so that what it costs can be told apart.

use std::{env, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use async_process::{Child, Command};
use chat_core::{Address, SharedRuntime, within};
use futures::{AsyncBufReadExt, AsyncReadExt, StreamExt, io::BufReader};

use crate::process;

/// A server that runs. It ends when this is dropped, or when this process ends.
pub(super) struct Server {
    child: Child,
    /// Where it says that it listens.
    pub(super) address: Address,
}

impl Server {
    /// Starts one that listens at `at` and keeps nothing.
    ///
    /// # Errors
    /// When it does not say within ten seconds that it listens: what it says instead.
    pub(super) async fn start(at: &Address, runtime: &SharedRuntime) -> anyhow::Result<Server> {
        let program = env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(["serve", "--memory", "--no-announce", "--unlimited", "--listen", &at.to_string()])
            .args(["--child-of", &std::process::id().to_string()])
            .env("RUST_LOG", "error") // nobody reads it
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a server")?;
        let stdout = child.stdout.take().context("a server without output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = within(STARTS_WITHIN, &**runtime, lines.next()).await;
        if let Some(Some(Ok(line))) = line
            && let Some(address) = line.strip_prefix("listening on ")
        {
            let address = address.parse().with_context(|| format!("the server says {line:?}"))?;
            return Ok(Server { child, address });
        }
        child.kill().context("cannot end the server")?;
        let mut why = String::new();
        if let Some(stderr) = &mut child.stderr {
            let _ = within(STARTS_WITHIN, &**runtime, stderr.read_to_string(&mut why)).await;
        }
        let why = why.lines().last().unwrap_or("it says nothing");
        bail!("no server: {}", why.strip_prefix("chat: ").unwrap_or(why))
    }

    /// The processor time that it has used, where that can be known.
    pub(super) fn cpu(&self) -> Option<Duration> {
        process::cpu(self.child.id())
    }
}

const STARTS_WITHIN: Duration = Duration::from_secs(10);
