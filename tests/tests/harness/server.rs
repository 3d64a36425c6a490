//! A server in a process of its own, and what the kernel knows about it.

use std::{
    fs,
    process::{Command, ExitStatus},
    time::Duration,
};

use chat_core::Address;
use nix::{
    sys::signal::Signal,
    unistd::{Pid, SysconfVar, sysconf},
};

use super::{Process, Raw, program};

/// `chat serve` on a free port of this machine, over TCP unless told otherwise. It is killed when this is dropped.
pub struct Server {
    process: Process,
    urls: Vec<String>,
}

impl Server {
    /// A server that keeps rooms in memory, with these arguments besides.
    pub fn start(args: &[&str]) -> Server {
        Server::run(&mut Command::new(program()), args)
    }

    /// A server run by `command`, which is the program or something that runs it.
    pub fn run(command: &mut Command, args: &[&str]) -> Server {
        Server::run_at(command, &["tcp://127.0.0.1:0"], args)
    }

    /// A server that listens at all of `urls`, with these arguments besides. It keeps rooms where `--data` says, or else
    /// in memory.
    pub fn at(urls: &[&str], args: &[&str]) -> Server {
        Server::run_at(&mut Command::new(program()), urls, args)
    }

    /// The same, run by `command`.
    pub fn run_at(command: &mut Command, urls: &[&str], args: &[&str]) -> Server {
        Server::announced_at(command, urls, &[&["--no-announce"], args].concat())
    }

    /// The same, announced on its network: to be run in one that is ours alone.
    pub fn announced_at(command: &mut Command, urls: &[&str], args: &[&str]) -> Server {
        command.arg("serve").args(args);
        if !args.contains(&"--data") {
            command.arg("--memory");
        }
        for url in urls {
            command.args(["--listen", url]);
        }
        let mut process = Process::run(command);
        let line = |_| process.line();
        let url = |line: String| match line.strip_prefix("listening on ") {
            Some(url) => url.to_owned(),
            None => panic!("where? {line}"),
        };
        let urls = urls.iter().map(line).map(url).collect();
        Server { process, urls }
    }

    /// Where it listens, at the first of its addresses.
    pub fn url(&self) -> &str {
        &self.urls[0]
    }

    /// Where it listens, parsed.
    pub fn address(&self) -> Address {
        self.url().parse().expect("a server says where it is")
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        port_of(self.url())
    }

    /// The port it listens on over UDP.
    pub fn udp_port(&self) -> u16 {
        port_of(self.urls.iter().find(|url| url.starts_with("udp:")).expect("it listens over UDP"))
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// A raw connection to it.
    pub fn raw(&self) -> Raw {
        Raw::connect(self.port())
    }

    /// The memory it has in use, in bytes.
    pub fn memory(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib << 10
    }

    /// The processor time it has used.
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // The name before it is in brackets and may hold spaces; these are fields 14 and 15 (proc(5)).
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|it| it.parse::<u64>().expect("a number")).sum();
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().expect("a clock ticks");
        Duration::from_secs_f64(ticks as f64 / per_second as f64)
    }

    /// How many sockets it has open, the one it listens on included.
    pub fn sockets(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.process.pid());
        let links =
            fs::read_dir(folder).expect("it runs").filter_map(|it| fs::read_link(it.ok()?.path()).ok());
        links.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.errors()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// How it exits.
    pub fn exit(self, limit: Duration) -> ExitStatus {
        self.process.exit(limit).0
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.pid())).expect("it runs")
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it ends with a port")
}
