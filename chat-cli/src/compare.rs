//! `chat compare`: runs the same conversation over every contestant under every condition, and reports the figures.

mod machine;
mod progress;
mod round;
mod server;
mod testbed;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::Context;
use chat_core::{SharedRuntime, transport::Transports};
use chat_lab::Lab;
use chat_measure::{Condition, Contestant, Link, Plan, Report, Round, Setting};
use futures::{FutureExt, select_biased};

use crate::{
    INTERRUPTED,
    args::{self, Compare, Conditions, usage},
    output::{Output, columns},
    output_file::OutputFile,
    runtime::block_on,
    serve::{SOFTWARE, raise_limits},
    signals::Signals,
};

use progress::Progress;
use testbed::Testbed;

/// Runs `chat compare`; its status is 130 if it was ended early.
///
/// # Errors
/// When the arguments are impossible, links cannot be emulated, or the report cannot be written.
pub(crate) fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Compare,
) -> anyhow::Result<ExitCode> {
    let contestants = contestants(transports, &args)?;
    let conversation = args.conversation().map_err(usage)?;
    // The lab moves only the calling thread into its namespace, so it is entered before other threads start.
    let testbed = testbed(&args)?;
    let conditions = match testbed.kind() {
        Link::Emulated => args.conditions(),
        _ => vec![Conditions::default()],
    };
    let began = runtime.wall_clock().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let named = |both: &Conditions| Condition { up: both.up.to_string(), down: both.down.to_string() };
    let mut report = Report {
        software: SOFTWARE.to_owned(),
        began: u64::try_from(began.as_millis()).unwrap_or(u64::MAX),
        seed: args.seed,
        link: testbed.kind(),
        scenario: args.scenario().name.to_owned(),
        conversation: conversation.to_string(),
        repetitions: usize::from(args.repeat),
        settings: [command()].into_iter().chain(machine::settings(testbed.kind())).collect(),
        contestants,
        conditions: conditions.iter().map(named).collect(),
        rounds: Vec::new(),
        interrupted: false,
    };
    let files = Files::open(&args)?;
    raise_limits();
    let plans =
        (0..u64::from(args.repeat)).map(|nth| Plan::new(conversation.clone(), args.seed.wrapping_add(nth)));
    let plans: Vec<Arc<Plan>> = plans.map(Arc::new).collect();
    let comparing = compare(transports, &runtime, &testbed, &conditions, &plans, &mut report);
    block_on(comparing)?;
    files.write(&report)?;
    let table = chat_measure::table(&report, columns().unwrap_or(COLUMNS));
    Output::plain().write(table.as_bytes())?;
    Ok(if report.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Runs all conversations, until a signal comes.
async fn compare(
    transports: &Transports,
    runtime: &SharedRuntime,
    testbed: &Testbed,
    conditions: &[Conditions],
    plans: &[Arc<Plan>],
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let many = report.contestants.len();
    let mut progress = Progress::new(plans.len() * conditions.len() * many, runtime.now());
    for (repetition, plan) in plans.iter().enumerate() {
        for (nth, conditions) in conditions.iter().enumerate() {
            // Contestants take turns in being first, so that a drift of the machine affects all of them.
            for contestant in (0..many).map(|turn| (turn + repetition + nth) % many) {
                let seed = report.seed.wrapping_add(repetition as u64);
                let round = round::Round {
                    contestant: &report.contestants[contestant],
                    conditions,
                    plan,
                    seed,
                    name: &format!("{}-{nth}-{repetition}", report.contestants[contestant].name),
                };
                let outcome = {
                    let running = round.run(transports, testbed, &mut progress, runtime);
                    let mut running = Box::pin(running.fuse());
                    select_biased! {
                        () = signals.shutdown_requested() => None,
                        outcome = running => Some(outcome.map_err(|error| format!("{error:#}"))),
                    }
                };
                let Some(outcome) = outcome else {
                    report.interrupted = true;
                    progress.end();
                    return Ok(());
                };
                report.rounds.push(Round { condition: nth, contestant, repetition, seed, outcome });
            }
        }
    }
    progress.end();
    Ok(())
}

/// The command that repeats this comparison.
fn command() -> Setting {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "));
    Setting { name: "command".to_owned(), value: format!("chat {line}") }
}

/// The contestants that are asked for, or all.
fn contestants(transports: &Transports, args: &Compare) -> anyhow::Result<Vec<Contestant>> {
    let all = chat_measure::contestants(transports);
    let all: Vec<Contestant> = match args.server.is_empty() {
        true => all,
        false => {
            all.into_iter().filter(|item| args.server.iter().any(|at| at.scheme() == item.scheme)).collect()
        }
    };
    let names: Vec<&str> = all.iter().map(|item| item.name.as_str()).collect();
    let named = |name: &String| {
        let unknown =
            || usage(format_args!("--contestants: there is no {name:?}; there are {}", names.join(", ")));
        all.iter().find(|item| item.name == *name).cloned().ok_or_else(unknown)
    };
    let asked = args.contestants.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() {
        return Err(usage("--server: this program has no transport of that scheme").into());
    }
    Ok(if asked.is_empty() { all } else { asked })
}

/// The testbed that is asked for.
fn testbed(args: &Compare) -> anyhow::Result<Testbed> {
    match args.link {
        _ if !args.server.is_empty() => Ok(Testbed::Servers(args.server.clone())),
        args::Link::Loopback => Ok(Testbed::Loopback),
        args::Link::Emulated => {
            let without = "no emulated link here (--link loopback and --server URL do not need one)";
            Ok(Testbed::Lab(Lab::enter().context(without)?, args.capture.clone()))
        }
    }
}

/// The output files that are asked for, opened before anything is measured.
struct Files(Vec<(OutputFile, Form)>);

/// An output form of a report.
type Form = fn(&Report) -> String;

impl Files {
    fn open(args: &Compare) -> anyhow::Result<Files> {
        let forms =
            [(&args.html, chat_measure::page as Form), (&args.json, json), (&args.csv, chat_measure::csv)];
        let asked = forms.into_iter().filter_map(|(path, form)| Some((path.as_deref()?, form)));
        let files = asked.map(|(path, form)| Ok((OutputFile::open(Some(path))?, form)));
        files.collect::<anyhow::Result<_>>().map(Files)
    }

    fn write(self, report: &Report) -> anyhow::Result<()> {
        for (mut target, form) in self.0 {
            target.write(&form(report))?;
            target.finish()?;
        }
        Ok(())
    }
}

fn json(report: &Report) -> String {
    serde_json::to_string(report).expect("a report can be serialised") + "\n"
}

/// The width of the table if standard output is not a terminal.
const COLUMNS: usize = 120;
