//! Kills servers, cuts their power, breaks and fills their disks, while people talk, and says what became of it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
    time::Instant,
};

use chat_cli::Pool;
use chat_core::log::RoomLog;
use chat_sqlite::{Options, SqliteLog};
use chat_tests::faults::{self, Bench, Flips, Found};

/// What was asked for on the command line.
#[derive(Debug)]
struct Args {
    kind: String,
    times: Option<usize>,
    seed: u64,
}

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut args = Args { kind: "all".to_owned(), times: None, seed: 1 };
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64, String> {
                words.next().and_then(|it| it.parse().ok()).ok_or_else(|| format!("{word} needs a number"))
            };
            match word.as_str() {
                "--times" => args.times = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
                "--seed" => args.seed = number()?,
                kind if KINDS.contains(&kind) || kind == "all" => args.kind = word,
                _ => {
                    return Err(format!(
                        "{word} is not known\nfaults [{}|all] [--times N] [--seed S]",
                        KINDS.join("|")
                    ));
                }
            }
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let args = match Args::read(env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let program = match program() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut is_well = true;
    for kind in KINDS.into_iter().filter(|it| args.kind == "all" || args.kind == *it) {
        let scratch = tempfile::tempdir().expect("there is a place for temporary files");
        let bench = Bench {
            program: program.clone(),
            scratch: scratch.path().to_owned(),
            runtime: Arc::new(Pool),
            transports: chat_cli::standard(),
            open,
            say: |line| println!("{line}"),
        };
        let began = Instant::now();
        let found = fault(kind, &bench, args.times, args.seed);
        println!("{kind}, seed {}, {:.0} s:", args.seed, began.elapsed().as_secs_f64());
        match found {
            Found::Skipped(why) => println!("  not done: needs {why}"),
            Found::Done { figures, broken } => {
                println!("  {figures}");
                broken.iter().for_each(|it| println!("  BROKEN: {it}"));
                is_well &= broken.is_empty();
            }
        }
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fault(kind: &str, bench: &Bench, times: Option<usize>, seed: u64) -> Found {
    match kind {
        "kill" => faults::kill(bench, times.unwrap_or(100), seed),
        "power" => faults::power(bench, times.unwrap_or(50), seed),
        "errors" => faults::errors(bench, 1..=times.unwrap_or(200), seed),
        "full" => faults::full(bench, times.unwrap_or(20), seed),
        "flips" => {
            let flips = times.unwrap_or(1000);
            faults::flips(bench, Flips { flips, cuts: flips / 5, served: flips / 50, entries: 5000 }, seed)
        }
        _ => faults::slow(bench, std::time::Duration::from_secs(2), seed),
    }
}

fn open(directory: &Path) -> Result<Box<dyn RoomLog>, String> {
    match SqliteLog::open(directory, Options::default()) {
        Ok(log) => Ok(Box::new(log)),
        Err(error) => Err(error.to_string()),
    }
}

/// The program `chat`, built in the profile of this one: that of its folder, `target/PROFILE/examples`.
fn program() -> Result<PathBuf, String> {
    let exe = env::current_exe().map_err(|error| error.to_string())?;
    let folder = exe.ancestors().nth(2).ok_or("it is not in target/PROFILE/examples")?;
    let profile = match folder.file_name().and_then(|it| it.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let built = Command::new("cargo")
        .args(["build", "--package", "chat-cli", "--bin", "chat", "--profile", profile, "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.parent().unwrap_or(folder))
        .status();
    match built {
        Ok(status) if status.success() => Ok(folder.join("chat")),
        other => Err(format!("the program does not build: {other:?}")),
    }
}

const KINDS: [&str; 6] = ["kill", "power", "errors", "full", "flips", "slow"];
