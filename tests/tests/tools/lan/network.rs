//! Networks of our own: namespaces with a switch between them, which nobody else sees and which are gone with us.

use std::{
    ffi::OsStr,
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::harness::{Process, Server, program};

/// Some machines on one Ethernet, 10.77.0.1 and so on.
pub struct Network {
    pub hosts: Vec<Host>,
    _switch: Keeper,
}

/// One of them.
pub struct Host {
    keeper: Keeper,
    home: TempDir,
}

impl Network {
    /// A network of `count` machines.
    ///
    /// # Errors
    /// What it would need to be made.
    pub fn new(count: usize) -> Result<Network, String> {
        let switch = Keeper::new()?;
        switch.run(&["ip", "link", "add", "br0", "type", "bridge"])?;
        switch.run(&["ip", "link", "set", "br0", "up"])?;
        let mut hosts = Vec::new();
        for number in 1..=count {
            let keeper = Keeper::new()?;
            let (cable, pid) = (format!("port{number}"), keeper.0.id().to_string());
            switch
                .run(&["ip", "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &pid])?;
            switch.run(&["ip", "link", "set", &cable, "master", "br0", "up"])?;
            keeper.run(&["ip", "link", "set", "lo", "up"])?;
            keeper.run(&["ip", "addr", "add", &format!("10.77.0.{number}/24"), "dev", "eth0"])?;
            keeper.run(&["ip", "link", "set", "eth0", "up"])?;
            keeper.run(&["mount", "-t", "tmpfs", "tmpfs", "/run"])?;
            hosts.push(Host { keeper, home: tempfile::tempdir().unwrap() });
        }
        Ok(Network { hosts, _switch: switch })
    }
}

impl Host {
    /// Runs a command there to its end; what it printed.
    ///
    /// # Errors
    /// How it failed.
    pub fn run(&self, words: &[&str]) -> Result<String, String> {
        self.keeper.run(words)
    }

    /// The directory of whoever sits there.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command that runs there, as somebody who has nothing but what earlier ones left.
    pub fn command<S: AsRef<OsStr>>(&self, program: S) -> Command {
        let mut command = self.keeper.command(program);
        command.env("XDG_DATA_HOME", self.home.path()).env("XDG_STATE_HOME", self.home.path());
        command.env("XDG_CONFIG_HOME", self.home.path()).env_remove("RUST_LOG");
        command
    }

    /// `chat` with these arguments.
    pub fn chat(&self, args: &[&str]) -> Process {
        Process::run(self.command(program()).args(args))
    }

    /// A server that listens on every address and is announced as `name`.
    pub fn serve(&self, name: &str) -> Server {
        let urls = ["tcp://0.0.0.0:7000", "udp://0.0.0.0:7000"];
        Server::announced_at(&mut self.command(program()), &urls, &["--name", name])
    }

    /// From now on nothing passes that `rule` of nftables drops.
    pub fn block(&self, rule: &str) -> Result<(), String> {
        let rules =
            format!("table inet t {{ chain c {{ type filter hook input priority 0; {rule} drop; }}; }}");
        self.run(&["nft", &rules]).map(drop)
    }
}

/// A process that keeps a network and its mounts for as long as it lives.
struct Keeper(Child);

impl Keeper {
    fn new() -> Result<Keeper, String> {
        let keeper = Command::new("unshare")
            .args(["--net", "--mount", "--propagation", "private", "sh", "-c", "echo; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut keeper = Keeper(keeper.map_err(|error| format!("unshare: {error}"))?);
        let there = keeper.0.stdout.as_mut().expect("it is piped").read_exact(&mut [0]);
        there.map(|()| keeper).map_err(|_| "unshare --net is not permitted".to_owned())
    }

    /// A command in there that ends with the thread that starts it, so that nothing is left behind.
    fn command<S: AsRef<OsStr>>(&self, program: S) -> Command {
        let mut command = Command::new("nsenter");
        let namespaces = [("net", "net"), ("mount", "mnt")];
        command.args(namespaces.map(|(option, file)| format!("--{option}=/proc/{}/ns/{file}", self.0.id())));
        command.args(["--", "setpriv", "--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    fn run(&self, words: &[&str]) -> Result<String, String> {
        match self.command(words[0]).args(&words[1..]).stdin(Stdio::null()).output() {
            Ok(it) if it.status.success() => Ok(String::from_utf8_lossy(&it.stdout).into_owned()),
            Ok(it) => Err(format!("{words:?}: {}", String::from_utf8_lossy(&it.stderr).trim())),
            Err(error) => Err(format!("{words:?}: {error}")),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
