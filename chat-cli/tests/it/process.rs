//! The program as a process, and a server that is one.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// The program, which has no settings but what a test gives it, and logs what it logs by itself.
pub(crate) fn program() -> Command {
    let mut chat = Command::new(env!("CARGO_BIN_EXE_chat"));
    chat.env("XDG_CONFIG_HOME", person()).env("XDG_STATE_HOME", home());
    chat.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
    let settings = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHAT_"));
    settings.for_each(|(name, _)| _ = chat.env_remove(name));
    chat
}

/// The directory of the key that the programs of a test share: to a server they are one person, who may come back under a
/// name that this person has had.
fn person() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("person-{}", std::process::id()))
}

/// A directory for the settings and the state of one run, which the program makes.
pub(crate) fn home() -> PathBuf {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("home-{}-{run}", std::process::id()))
}

/// The program, for what it prints alone.
pub(crate) fn chat(args: &[&str]) -> Command {
    let mut chat = program();
    chat.args(args).env("NO_COLOR", "1").stdin(Stdio::null()).stderr(Stdio::null());
    chat
}

/// What `wait` returns, unless it takes too long.
pub(crate) fn in_time<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waited) = mpsc::channel();
    thread::spawn(move || done.send(wait()));
    waited.recv_timeout(Duration::from_secs(30)).expect("it hangs")
}

/// Sends a signal that is written as for the command `kill`.
pub(crate) fn signal(child: &Child, signal: &str) {
    let signal = match signal {
        "-HUP" => Signal::HUP,
        "-INT" => Signal::INT,
        "-TERM" => Signal::TERM,
        "-STOP" => Signal::STOP,
        "-CONT" => Signal::CONT,
        "-TSTP" => Signal::TSTP,
        "-WINCH" => Signal::WINCH,
        "-QUIT" => Signal::QUIT,
        "-KILL" => Signal::KILL,
        other => panic!("add {other} here"),
    };
    kill_process(Pid::from_child(child), signal).unwrap();
}

pub(crate) fn told_to_end(mut child: Child, by: &str) -> ExitStatus {
    signal(&child, by);
    in_time(move || child.wait().unwrap())
}

/// What is printed up to the line that begins with `start`, or all of it.
pub(crate) fn read_to(
    output: impl Read + Send + 'static,
    start: &'static str,
) -> (Vec<String>, impl Read + Send) {
    in_time(move || {
        let mut output = BufReader::new(output);
        let mut lines = Vec::new();
        let mut line = String::new();
        // On Linux a terminal ends with an error.
        while output.read_line(&mut line).is_ok_and(|length| length > 0) {
            lines.push(std::mem::take(&mut line).trim_end_matches(['\r', '\n']).to_owned());
            if lines.last().is_some_and(|line| line.starts_with(start)) {
                break;
            }
        }
        (lines, output)
    })
}

/// A process that does not outlive its test.
pub(crate) struct Started(Option<Child>);

impl Started {
    pub(crate) fn by(command: &mut Command) -> Started {
        Started(Some(command.spawn().unwrap()))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub(crate) fn told_to_end(mut self, signal: &str) -> ExitStatus {
        told_to_end(self.0.take().unwrap(), signal)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A server, and its address.
pub(crate) struct Server(pub(crate) Started, pub(crate) String);

impl Server {
    pub(crate) fn start() -> Server {
        Server::start_with(&["--listen", "tcp://127.0.0.1:0"])
    }

    pub(crate) fn start_with(args: &[&str]) -> Server {
        Server::of(&mut chat(&[&["serve", "--memory", "--no-announce"], args].concat()))
    }

    /// One that has its rooms and its key in `data`, and so is the same one after a restart.
    pub(crate) fn keeping(data: &Path, args: &[&str]) -> Server {
        let mut serve = chat(&["serve", "--no-announce"]);
        Server::of(serve.args(args).arg("--data").arg(data))
    }

    /// As it is started by `serve`.
    pub(crate) fn of(serve: &mut Command) -> Server {
        let mut server = Started::by(serve.stdout(Stdio::piped()));
        let (lines, _) = read_to(server.child().stdout.take().unwrap(), "listening");
        let url = lines.last().and_then(|it| it.strip_prefix("listening on ")).expect("it listens");
        Server(server, url.to_owned())
    }

    pub(crate) fn say(&self, name: &str, text: &str) {
        let send = ["send", &self.1, "--room", "lobby", "--name", name, text];
        let mut send = chat(&send).stdout(Stdio::null()).spawn().unwrap();
        assert!(in_time(move || send.wait().unwrap()).success(), "{name} says {text}");
    }
}
