//! Whether one host can hurt the others: twenty people talk while one other host does one thing at full speed. Says what
//! the people noticed and what the server spent. Needs Linux, root, and the commands `unshare`, `ip` and `taskset`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod attacks;
mod people;
mod server;

use std::{
    env, fs, io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitCode},
    time::Duration,
};

use self::{
    attacks::{ATTACKS, Attack},
    people::{Noticed, People},
    server::Server,
};

/// What was asked for on the command line.
#[derive(Debug)]
struct Args {
    attacks: Vec<&'static Attack>,
    seconds: u64,
    warm: u64,
    program: Option<PathBuf>,
}

const USAGE: &str = "attack [ATTACK…] [--seconds N] [--warm N] [--chat PROGRAM]";

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut args = Args { attacks: Vec::new(), seconds: 60, warm: 60, program: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            let number = |value: String| value.parse().map_err(|_| format!("{value} is no number\n{USAGE}"));
            match word.as_str() {
                "--seconds" => args.seconds = number(value()?)?,
                "--warm" => args.warm = number(value()?)?,
                "--chat" => args.program = Some(value()?.into()),
                name => match ATTACKS.iter().find(|attack| attack.name == name) {
                    Some(attack) => args.attacks.push(attack),
                    None => {
                        let names: Vec<&str> = ATTACKS.iter().map(|attack| attack.name).collect();
                        return Err(format!("{name} is not known\n{USAGE}\nattacks: {}", names.join(", ")));
                    }
                },
            }
        }
        if args.attacks.is_empty() {
            args.attacks = ATTACKS.iter().collect();
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    if let Ok(name) = env::var(ATTACKER) {
        return attacks::run(&name);
    }
    let done = Args::read(env::args().skip(1)).map_err(io::Error::other).and_then(|args| {
        own_network()?;
        table(&args)
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("attack: {error}");
            ExitCode::from(2)
        }
    }
}

/// Goes on in a network namespace of its own, in which 10.77.0.0/16 are addresses of this machine. They are no loopback
/// addresses, so the server takes each for a host.
fn own_network() -> io::Result<()> {
    if env::var_os(HAS_NETWORK).is_none() {
        let error = Command::new("unshare")
            .arg("--net")
            .arg(env::current_exe()?)
            .args(env::args_os().skip(1))
            .env(HAS_NETWORK, "")
            .exec();
        return Err(error);
    }
    for command in
        ["ip link set lo up", "ip route add local 10.77.0.0/16 dev lo", "ip addr add 10.77.0.1/16 dev lo"]
    {
        let mut words = command.split(' ');
        let done = Command::new(words.next().unwrap_or_default()).args(words).status()?;
        if !done.success() {
            return Err(io::Error::other(format!("`{command}` failed")));
        }
    }
    rlimit::increase_nofile_limit(20_000)?;
    Ok(())
}

/// Prints a line for each attack; false if one of them hurt.
fn table(args: &Args) -> io::Result<bool> {
    let program = match &args.program {
        Some(program) => fs::canonicalize(program)?,
        None => server::program()?,
    };
    println!(
        "20 people, 10 messages a second; one host attacks for {} s, after {} s of warming up",
        args.seconds, args.warm
    );
    println!(
        "{:<10} {:>8} {:>8} {:>8} {:>6} {:>9} {:>9} {:>8}",
        "attack", "p50 ms", "p99 ms", "max ms", "lost", "memory", "disk", "server"
    );
    println!("{:<10} {:>8} {:>8} {:>8} {:>6} {:>9} {:>9} {:>8}", "", "", "", "", "", "MiB", "+MiB", "% core");
    let mut all_is_well = true;
    for attack in &args.attacks {
        let outcome = one(attack, args, &program)?;
        let Outcome { noticed, memory, disk, processor } = &outcome;
        println!(
            "{:<10} {:>8.1} {:>8.1} {:>8.1} {:>6} {:>9.1} {:>9.1} {:>8.0}  {}",
            attack.name,
            noticed.percentile(50.0),
            noticed.percentile(99.0),
            noticed.percentile(100.0),
            noticed.lost,
            memory,
            disk,
            processor,
            if outcome.is_well() { "" } else { "HURT" },
        );
        all_is_well &= outcome.is_well();
    }
    Ok(all_is_well)
}

/// What became of an attack.
#[derive(Debug)]
struct Outcome {
    noticed: Noticed,
    /// The most that the server has used, in MiB.
    memory: f64,
    /// By how much the files of the log have grown, in MiB.
    disk: f64,
    /// How much of one processor the server used, in percent.
    processor: f64,
}

impl Outcome {
    fn is_well(&self) -> bool {
        self.noticed.lost == 0
            && self.noticed.percentile(99.0) < 100.0
            && self.memory < 256.0
            && self.disk <= 8.0
    }
}

fn one(attack: &Attack, args: &Args, program: &std::path::Path) -> io::Result<Outcome> {
    let server = Server::start(program)?;
    let people = People::enter()?;
    let mut attackers = Attackers::start(attack.name, args.warm + args.seconds)?;
    people.talk(Duration::from_secs(args.warm))?;
    let (disk, processor) = (server.disk()?, server.processor()?);
    let noticed = people.talk(Duration::from_secs(args.seconds))?;
    let spent = server.processor()? - processor;
    let outcome = Outcome {
        noticed,
        memory: server.memory()?,
        disk: server.disk()? - disk,
        processor: 100.0 * spent / args.seconds as f64,
    };
    attackers.stop();
    Ok(outcome)
}

/// The processes of the attacking host, all on one processor.
#[derive(Debug)]
struct Attackers(Vec<Child>);

impl Attackers {
    fn start(name: &str, seconds: u64) -> io::Result<Attackers> {
        let mut children = Attackers(Vec::new());
        for number in 0..attacks::PROCESSES {
            let child = Command::new("taskset")
                .args(["--cpu-list", "1"])
                .arg(env::current_exe()?)
                .env(ATTACKER, name)
                .env(attacks::SECONDS, seconds.to_string())
                .env(attacks::NUMBER, number.to_string())
                .spawn()?;
            children.0.push(child);
        }
        Ok(children)
    }

    fn stop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Set in a process that attacks, to the attack's name.
const ATTACKER: &str = "CHAT_ATTACKER";
/// Set in the namespace.
const HAS_NETWORK: &str = "CHAT_ATTACK_NETWORK";
