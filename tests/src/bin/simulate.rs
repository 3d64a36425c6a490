//! Lives through worlds from seeds and says which of them break a rule.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::{
    env,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use chat_tests::simulation::{self, Figures, Plan, Report, Scene, Summary, measure, run_many};

/// What was asked for on the command line.
#[derive(Clone, Debug)]
struct Args {
    seeds: u64,
    from: u64,
    seed: Option<u64>,
    trace: bool,
    frames: bool,
    threads: usize,
    wired: bool,
    figures: bool,
    failures: u64,
}

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut args = Args {
            seeds: 1000,
            from: 0,
            seed: None,
            trace: false,
            frames: false,
            threads,
            wired: false,
            figures: false,
            failures: 3,
        };
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64, String> {
                let number = words.next().and_then(|it| it.parse().ok());
                number.ok_or_else(|| format!("{word} needs a number"))
            };
            match word.as_str() {
                "--seeds" => args.seeds = number()?,
                "--from" => args.from = number()?,
                "--seed" => args.seed = Some(number()?),
                "--threads" => args.threads = usize::try_from(number()?).unwrap_or(1),
                "--trace" => args.trace = true,
                "--frames" => (args.trace, args.frames) = (true, true),
                "--figures" => args.figures = true,
                "--wired" => args.wired = true,
                "--failures" => args.failures = number()?,
                _ => return Err(format!("{word} is not known\n{USAGE}")),
            }
        }
        Ok(args)
    }

    fn plan(&self, seed: u64) -> Plan {
        let plan = Plan { frames: self.frames, ..Plan::of(seed) };
        if self.wired { plan.wired() } else { plan }
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
    if args.figures {
        figures();
        return ExitCode::SUCCESS;
    }
    match args.seed {
        Some(seed) => one(&args, seed),
        None => many(&args),
    }
}

fn one(args: &Args, seed: u64) -> ExitCode {
    let report = simulation::run(seed, args.plan(seed));
    if args.trace {
        print!("{}", report.trace());
    }
    if report.violations.is_empty() {
        println!("seed {seed}: {} happenings, all as they should be", report.history.len());
        return ExitCode::SUCCESS;
    }
    tell(seed, &Ok(report));
    ExitCode::FAILURE
}

fn many(args: &Args) -> ExitCode {
    let began = Instant::now();
    let mut failures = 0;
    let every = (args.seeds / 20).max(1);
    let progress = |done| {
        if done % every == 0 {
            eprintln!("{done} of {} seeds, {:.1} s", args.seeds, began.elapsed().as_secs_f64());
        }
    };
    let failed = |seed, report| {
        failures += 1;
        tell(seed, &report);
        failures == args.failures
    };
    let summary =
        run_many(args.from..args.from + args.seeds, args.threads, |seed| args.plan(seed), progress, failed);
    sum_up(&summary);
    println!("{:.1} s on {} threads", began.elapsed().as_secs_f64(), args.threads);
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn figures() {
    println!("delivery in ms, 5 ms round trip, 5 people, from asking to being shown to another");
    println!(
        "targets at 20 %: steady p99 150, p99.9 600; last before a silence p99 600; replays 2 for 1 lost"
    );
    for (what, every, messages, seeds) in [("steady", 200, 1000, 4), ("last", 20_000, 100, 4)] {
        println!("{what:<8} loss      p50      p90      p99    p99.9      max  replays  entries  frames");
        for loss in [0, 1, 5, 20, 50] {
            let speakers = if what == "last" { 1 } else { 5 };
            let scene = Scene { loss, people: 5, speakers, every: Duration::from_millis(every), messages };
            let mut all = Figures::default();
            (0..seeds).for_each(|seed| all.add(measure(scene, seed)));
            let ms = |rank| all.per_mille(rank).as_secs_f64() * 1000.0;
            let replays = all.replays as f64 / (all.lost.max(1)) as f64;
            println!(
                "{:<8} {loss:>3} % {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {replays:>8.2} {:>8} {:>8}",
                "",
                ms(500),
                ms(900),
                ms(990),
                ms(999),
                ms(1000),
                all.delays.len(),
                all.frames
            );
        }
    }
}

fn sum_up(summary: &Summary) {
    let Summary { seeds, stored, shown, restarts, kills, traffic, elapsed } = summary;
    println!("{seeds} seeds, {:.1} hours of virtual time", elapsed.as_secs_f64() / 3600.0);
    println!("{stored} messages stored, {shown} shown to somebody");
    println!("{restarts} restarts of servers, {kills} of clients, {} links cut", traffic.cuts);
    println!(
        "{} frames, {} lost, {} doubled, {} overtaken",
        traffic.sent, traffic.lost, traffic.doubled, traffic.overtaken
    );
}

fn tell(seed: u64, report: &Result<Report, String>) {
    println!("\nseed {seed} breaks a rule; to see it again:");
    println!("  cargo run --release -p chat-tests --bin simulate -- --seed {seed} --trace");
    match report {
        Ok(report) => {
            let more = report.violations.len().saturating_sub(MOST_VIOLATIONS);
            for violation in report.violations.iter().take(MOST_VIOLATIONS) {
                println!("{}", violation.in_context(&report.history));
            }
            if more > 0 {
                println!("and {more} more");
            }
        }
        Err(panic) => println!("it panics: {panic}"),
    }
}

const MOST_VIOLATIONS: usize = 3;
const USAGE: &str = "simulate [--seeds N] [--from SEED] [--seed N] [--trace] [--frames] [--threads N] [--wired] [--failures N] [--figures]";
