//! A child that runs the program: lines in, lines out.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, eventually, program};

/// A running child. It is killed when this is dropped.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Arc<Mutex<Vec<u8>>>,
    /// Reads standard error to its end.
    error_reader: JoinHandle<()>,
    /// Its directory for settings and state.
    _home: TempDir,
}

/// The directory of the key that all programs share.
fn person() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("person-{}", std::process::id()))
}

impl Process {
    /// `chat` with these arguments.
    pub fn chat<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Process {
        Process::run(Command::new(program()).args(args))
    }

    /// `chat join --json` under `name`, once it is in `room`.
    pub fn join(url: &str, name: &str, room: &str) -> Process {
        let mut process = Process::chat(["join", url, "--json", "--name", name, "--room", room]);
        process.expect("joined", |event| (event["type"] == "joined").then_some(()));
        process
    }

    /// Any command.
    pub fn run(command: &mut Command) -> Process {
        let home = tempfile::tempdir().expect("there is room for a home");
        // Without the settings, the key and the servers of any account. The key is one for all, so that the programs of a
        // test are one person to a server, who may come back under a name that this person has had.
        for (directory, path) in [("XDG_CONFIG_HOME", person()), ("XDG_STATE_HOME", home.path().to_owned())] {
            if !command.get_envs().any(|(name, _)| name == directory) {
                command.env(directory, path);
            }
        }
        let settings = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHAT_"));
        settings.for_each(|(name, _)| _ = command.env_remove(name));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let (sender, lines) = sync_channel(UNREAD_LINES);
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        thread::spawn(move || {
            for line in stdout.split(b'\n') {
                let Ok(line) = line else { return };
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let errors = Arc::new(Mutex::new(Vec::new()));
        let (mut stderr, kept) = (child.stderr.take().expect("it is piped"), errors.clone());
        let error_reader = thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(len @ 1..) = stderr.read(&mut buffer) {
                kept.lock().expect("nobody panics with it").extend_from_slice(&buffer[..len]);
            }
        });
        Process { stdin: child.stdin.take(), child, lines, errors, error_reader, _home: home }
    }

    /// The next line of its output; nothing once that has ended.
    pub fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line in {PATIENCE:?}; errors: {}", self.errors()),
        }
    }

    /// The next line of its output.
    pub fn line(&mut self) -> String {
        self.next_line().unwrap_or_else(|| panic!("its output ended; errors: {}", self.errors()))
    }

    /// The first event in its output that `pick` takes. Those before it are skipped.
    pub fn expect<T>(&mut self, what: &str, mut pick: impl FnMut(&Value) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            let line = self.line();
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if let Some(picked) = pick(&event) {
                return picked;
            }
            assert!(begun.elapsed() < 2 * PATIENCE, "no {what} came");
        }
    }

    /// The numbers and texts of the next `count` messages in its output.
    pub fn messages(&mut self, count: usize) -> Vec<(u64, String)> {
        let message = |event: &Value| {
            let text = event["text"].as_str()?.to_owned();
            (event["type"] == "message").then(|| (event["seq"].as_u64().expect("a number"), text))
        };
        (0..count).map(|_| self.expect("message", message)).collect()
    }

    /// Writes a line to its input.
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        writeln!(stdin, "{line}").expect("it reads its input");
        stdin.flush().expect("it reads its input");
    }

    /// Writes lines to its input from a thread of its own, as fast as it reads them. Its input ends once the handle is
    /// joined, and can be used for nothing else.
    pub fn type_lines(
        &mut self,
        lines: impl Iterator<Item = String> + Send + 'static,
    ) -> JoinHandle<ChildStdin> {
        let mut stdin = self.stdin.take().expect("its input is open");
        thread::spawn(move || {
            for line in lines {
                writeln!(stdin, "{line}").expect("it reads its input");
            }
            stdin.flush().expect("it reads its input");
            stdin
        })
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it is our child");
    }

    /// Its exit status, and what it wrote until then.
    pub fn exit(mut self, limit: Duration) -> (ExitStatus, Vec<String>, String) {
        let status = eventually("the exit", limit, || self.child.try_wait().expect("it is our child"));
        let mut lines = Vec::new();
        while let Some(line) = self.next_line() {
            lines.push(line);
        }
        eventually("the end of its errors", limit, || self.error_reader.is_finished().then_some(()));
        (status, lines, self.errors())
    }

    /// What it wrote to standard error so far.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.errors.lock().expect("nobody panics with it")).into_owned()
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("process ids are positive"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many lines are kept that nobody has read yet. Then the child has to wait.
const UNREAD_LINES: usize = 100_000;
