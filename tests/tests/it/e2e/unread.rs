//! Commands whose output nobody reads: a first signal ends each of them all the same.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rustix::io::ioctl_fionread;

use super::harness::{PATIENCE, Process, Server, eventually, program};

#[test]
fn a_first_signal_ends_every_command_within_three_seconds() {
    let server = Server::start(&["--unlimited"]);
    let url = server.url().to_owned();
    let mut ana = Process::join(&url, "ana", "hall");
    for number in 0..20 {
        ana.type_line(&format!("{number} {}", "x".repeat(8000)));
    }
    ana.messages(20);
    let commands: [&[&str]; 5] = [
        &["tail", &url, "--room", "hall", "--after", "0", "--name", "b1", "--json"],
        &["tail", &url, "--room", "hall", "--after", "0", "--name", "b2"],
        &["join", &url, "--room", "hall", "--json", "--name", "b3"],
        &["join", &url, "--room", "hall", "--plain", "--name", "b4"],
        &["export", &url, "--room", "hall", "--format", "jsonl", "--name", "b5"],
    ];
    for (args, signal) in commands.into_iter().zip([Signal::SIGTERM, Signal::SIGINT].into_iter().cycle()) {
        let mut command = Command::new(program());
        let home = tempfile::tempdir().expect("there is room for a home");
        command.env("XDG_CONFIG_HOME", home.path()).env("XDG_STATE_HOME", home.path());
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().expect("the program runs");
        let output = child.stdout.take().expect("it is piped");
        if args[0] == "join" {
            // Those who join read what is said from now on.
            eventually("it is there", PATIENCE, || ioctl_fionread(&output).ok().filter(|bytes| *bytes > 0));
            for number in 0..20 {
                ana.type_line(&format!("{number} {}", "y".repeat(8000)));
            }
        }
        // A pipe holds 64 KiB, and the next line does not fit.
        eventually("a full pipe", PATIENCE, || ioctl_fionread(&output).ok().filter(|bytes| *bytes > 57_000));
        let told = Instant::now();
        kill(Pid::from_raw(child.id().try_into().expect("ids are positive")), signal)
            .expect("it is our child");
        eventually("the end", PATIENCE, || child.try_wait().expect("it is our child"));
        assert!(told.elapsed() < Duration::from_millis(3500), "{args:?} ended after {:?}", told.elapsed());
    }
}
