//! The program on Linux: the lab, and within it a process namespace, so that no process outlives the program.

use std::{
    env,
    error::Error,
    fs::File,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitCode, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use chat_lab::{Condition, Lab};
use nix::{
    sched::{CloneFlags, unshare},
    sys::{prctl::set_pdeathsig, signal::Signal},
    unistd::getppid,
};
use signal_hook::consts::{SIGINT, SIGTERM};

pub fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let result = match arguments.next().as_deref() {
        Some(INSIDE) => keep(&arguments.collect::<Vec<_>>()),
        Some(_) => run(env::args().skip(1)),
        None => Err(USAGE.into()),
    };
    match result {
        Ok(status) => ExitCode::from(status.code().unwrap_or(128 + status.signal().unwrap_or(0)) as u8),
        Err(error) => {
            eprintln!("bad-link: {error}");
            ExitCode::from(125)
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<ExitStatus, Box<dyn Error>> {
    let asked = Asked::parse(arguments)?;
    let capture = asked.capture.map(File::create).transpose()?;
    let lab = Lab::enter()?;
    let down = asked.down.unwrap_or_else(|| asked.up.clone());
    let link = match capture {
        Some(file) => lab.captured_link(asked.up, down, asked.seed, file)?,
        None => lab.link(asked.up, down, asked.seed)?,
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, interrupted.clone())?;
    signal_hook::flag::register(SIGTERM, interrupted.clone())?;
    // Every process that the command starts is in a process namespace, which ends with the first process in it.
    unshare(CloneFlags::CLONE_NEWPID)?;
    let mut keeper = Command::new(env::current_exe()?)
        .arg(INSIDE)
        .args(asked.command)
        .env("LINK_SERVER", link.server_address().to_string())
        .env("LINK_SERVER_V6", link.server_address_v6().to_string())
        .env("LINK_LISTEN", link.listen_address().to_string())
        .spawn()?;
    let status = loop {
        if let Some(status) = keeper.try_wait()? {
            break status;
        }
        if interrupted.load(Ordering::Relaxed) {
            // At a terminal the command got the signal too, and may print something before it ends.
            thread::sleep(Duration::from_millis(200));
            keeper.kill()?;
        }
        thread::sleep(Duration::from_millis(10));
    };
    eprintln!("{}", link.stop()?);
    Ok(status)
}

/// Runs the command as the child of the first process in the namespace, which ends, with all others there, when the
/// command does or the program outside is killed.
fn keep(command: &[String]) -> Result<ExitStatus, Box<dyn Error>> {
    set_pdeathsig(Signal::SIGKILL)?;
    // Seen from inside the namespace, a parent outside has the number 0, also one that adopted this process.
    if getppid().as_raw() != 0 {
        return Err("only bad-link itself starts this".into());
    }
    let (program, arguments) = command.split_first().ok_or(USAGE)?;
    let mut child = Command::new(program);
    child.args(arguments);
    Ok(child.status().map_err(|error| format!("{program}: {error}"))?)
}

struct Asked {
    up: Condition,
    down: Option<Condition>,
    seed: u64,
    capture: Option<String>,
    command: Vec<String>,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut conditions: Vec<Condition> = Vec::new();
        let (mut seed, mut capture) = (1, None);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--" => break,
                "--seed" => seed = arguments.next().ok_or(USAGE)?.parse()?,
                "--capture" => capture = Some(arguments.next().ok_or(USAGE)?),
                condition => conditions.push(condition.parse()?),
            }
        }
        let command: Vec<String> = arguments.collect();
        let mut conditions = conditions.into_iter();
        match (conditions.next(), conditions.next(), conditions.next()) {
            (Some(up), down, None) if !command.is_empty() => Ok(Self { up, down, seed, capture, command }),
            _ => Err(USAGE.into()),
        }
    }
}

const INSIDE: &str = "--inside";
const USAGE: &str =
    "usage: bad-link CONDITION [CONDITION_OF_THE_WAY_BACK] [--seed N] [--capture FILE] -- COMMAND...";
