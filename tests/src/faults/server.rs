//! A server in a process of its own, which can be ended at any moment.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use chat_core::Address;

use super::{Bench, PATIENCE, eventually};

/// How to start one.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// What runs the program; nothing if it runs by itself. It has to become it, so that its process is the server's.
    pub(super) through: Vec<OsString>,
    /// The directory of its rooms.
    pub(super) data: PathBuf,
    /// Where it listens. After the first start these are the addresses it was given.
    pub(super) at: Vec<Address>,
    pub(super) args: Vec<&'static str>,
}

impl Launch {
    /// Without limits, over TCP and UDP, on ports that are free.
    pub(super) fn new(data: PathBuf) -> Launch {
        let at = ["tcp://127.0.0.1:0", "udp://127.0.0.1:0"].map(|it| it.parse().expect("it is an address"));
        Launch { through: Vec::new(), data, at: at.to_vec(), args: vec!["--unlimited"] }
    }
}

/// A server that listens. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Served {
    child: Child,
    errors: Arc<Mutex<Vec<u8>>>,
}

impl Served {
    /// Starts one and waits until it listens; writes the addresses it has into `launch`, so that the next has them too.
    ///
    /// # Errors
    /// How it ended, and what it said last.
    pub(super) fn start(bench: &Bench, launch: &mut Launch) -> Result<Served, Ended> {
        let mut words = launch.through.clone();
        words.push(bench.program.clone().into());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(["serve", "--no-announce"])
            .arg("--data")
            .arg(&launch.data)
            .args(&launch.args);
        for address in &launch.at {
            command.arg("--listen").arg(address.to_string());
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| Ended { status: None, said: error.to_string() })?;
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = sync_channel(64);
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|it| sender.send(it)));
        let errors = Arc::new(Mutex::new(Vec::new()));
        let (mut stderr, kept) = (child.stderr.take().expect("it is piped"), errors.clone());
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(len @ 1..) = stderr.read(&mut buffer) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..len]);
            }
        });
        let mut server = Served { child, errors };
        let mut bound = Vec::new();
        for _ in &launch.at {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => bound.extend(line.strip_prefix("listening on ").and_then(|it| it.parse().ok())),
                Err(RecvTimeoutError::Timeout) => return Err(Ended { status: None, said: server.said() }),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = server.child.wait().ok();
                    let _ = eventually("its last words", PATIENCE, || reader.is_finished().then_some(()));
                    return Err(Ended { status, said: server.said() });
                }
            }
        }
        launch.at = bound;
        Ok(server)
    }

    /// Ends it at once, and waits until it is gone.
    pub(super) fn kill(mut self) -> Result<(), String> {
        self.child.kill().map_err(|error| error.to_string())?;
        self.child.wait().map_err(|error| error.to_string())?;
        self.check()
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The most memory it ever had, in bytes.
    pub(super) fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() << 10
    }

    /// What it wrote to standard error so far.
    pub(super) fn said(&self) -> String {
        let said = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// No server panics, whatever is done to it.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.said().lines().find(|it| it.contains("panicked")) {
            Some(line) => Err(format!("the server panicked: {line}")),
            None => Ok(()),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that did not come to listen.
#[derive(Debug)]
pub(super) struct Ended {
    /// Nothing if it never ran, or did nothing for too long.
    pub(super) status: Option<ExitStatus>,
    /// What it wrote to standard error.
    pub(super) said: String,
}

impl Ended {
    /// Whether it ended as it should where it cannot work: by itself, and with a line that says why.
    pub(super) fn is_orderly(&self) -> bool {
        self.status.and_then(|it| it.code()) == Some(1)
            && self.said.lines().last().is_some_and(|it| it.starts_with("chat: "))
            && !self.said.contains("panicked")
    }
}

impl From<Ended> for String {
    fn from(it: Ended) -> String {
        format!("the server does not start ({:?}): {}", it.status, it.said)
    }
}

/// How long a server may take to come back.
pub(super) const RESTART: Duration = Duration::from_secs(10);
