//! The server that is attacked, and what it spends.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Where the server listens.
pub const ADDRESS: &str = "10.77.0.1:7000";
/// What the people know and the attacker does not.
pub const PASSWORD: &str = "tea at four";

/// A server that is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    data: tempfile::TempDir,
}

impl Server {
    pub fn start(program: &Path) -> io::Result<Server> {
        let data = tempfile::tempdir()?;
        let password = data.path().join("password");
        fs::File::create(&password)?.write_all(PASSWORD.as_bytes())?;
        let mut child = Command::new(program)
            .args(["serve", "--no-announce", "--password-file"])
            .arg(&password)
            .arg("--data")
            .arg(data.path().join("data"))
            .args(["--listen", &format!("tcp://{ADDRESS}"), "--listen", &format!("udp://{ADDRESS}")])
            .env("RUST_LOG", "error")
            .env("HOME", data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let said = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let listening = said
            .lines()
            .take(2)
            .filter(|line| line.as_ref().is_ok_and(|line| line.starts_with("listening on")))
            .count();
        if listening < 2 {
            return Err(io::Error::other("the server did not start"));
        }
        Ok(Server { child, data })
    }

    /// The most memory that the server has used, in MiB.
    pub fn memory(&self) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0)
            .ok_or_else(|| io::Error::other("the kernel does not say how much memory is used"))
    }

    /// The time that the server has used a processor, in seconds.
    pub fn processor(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks =
            after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / TICKS)
    }

    /// The size of the files of the log, in MiB.
    pub fn disk(&self) -> io::Result<f64> {
        let mut bytes = 0;
        for file in fs::read_dir(self.data.path().join("data"))? {
            bytes += file?.metadata()?.len();
        }
        Ok(bytes as f64 / f64::from(1 << 20))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program `chat` of the same build as this one.
pub fn program() -> io::Result<PathBuf> {
    let program = env::current_exe()?.ancestors().nth(2).map(|build| build.join("chat"));
    program.filter(|program| program.exists()).ok_or_else(|| {
        io::Error::other(
            "the program is not built: cargo build --release -p chat-cli, or name one with --chat",
        )
    })
}

/// How many ticks of `/proc/PID/stat` are a second, on every Linux that one meets.
const TICKS: f64 = 100.0;
