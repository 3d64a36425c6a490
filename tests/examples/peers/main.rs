//! What a delivery costs a server of ours, servers of others, and a relay that only copies bytes: the same work for each, said
//! in its own protocol by one generator, one server after the other and round by round.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod crowd;
mod dialects;
mod paired;
mod processors;
mod relay;
mod servers;
mod table;
#[cfg(test)]
mod tests;
mod works;

use std::{
    env, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use chat_cli::process;

use paired::Paired;
use processors::Processors;
use servers::{Running, SERVERS, Server};
use table::Row;
use works::{Taken, WORKS, Work};

fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        Some("relay") => be_the_relay(),
        _ => Args::read(env::args().skip(1)).and_then(|args| compare(&args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What was asked for on the command line.
struct Args {
    work: &'static Work,
    rounds: usize,
    /// Names of servers, or their first words; all if there are none.
    only: Vec<String>,
    /// The program whose server is ours.
    chat: PathBuf,
    /// Another program of ours, for instance an earlier one, to compare that one with.
    before: Option<PathBuf>,
}

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let usage = || {
            let works = WORKS.map(|it| it.name).join("|");
            let names = SERVERS.map(|it| it.name).join(",");
            format!("peers {works} [--rounds N] [--only {names}] [--chat PROGRAM] [--before PROGRAM]")
        };
        let asked = words.next().unwrap_or_default();
        let work = WORKS.iter().find(|it| it.name == asked).ok_or_else(usage)?;
        let mut args = Args { work, rounds: 5, only: Vec::new(), chat: beside_this()?, before: None };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(usage)?;
            match word.as_str() {
                "--rounds" => args.rounds = value.parse().ok().filter(|it| *it > 0).ok_or_else(usage)?,
                "--only" => args.only = value.split(',').map(str::to_owned).collect(),
                "--chat" => args.chat = value.into(),
                "--before" => args.before = Some(value.into()),
                _ => return Err(usage()),
            }
        }
        match args.only.iter().find(|name| !SERVERS.iter().any(|it| it.is_called(name))) {
            Some(name) => Err(format!("no server is called {name}\n{}", usage())),
            None => Ok(args),
        }
    }
}

/// Measures every server that was asked for and is there, as often as was asked, and prints what came of it.
fn compare(args: &Args) -> Result<(), String> {
    let processors = Processors::choose().map_err(|error| error.to_string())?;
    rlimit::increase_nofile_limit(rlimit::INFINITY).map_err(|error| error.to_string())?;
    let asked =
        SERVERS.iter().filter(|it| args.only.is_empty() || args.only.iter().any(|name| it.is_called(name)));
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for server in asked {
        match server.program(&args.chat) {
            Some(program) => rows.push((server, program, Row::new(server.name, args.rounds))),
            None => missing.push(server),
        }
        if let (Some(before), Some(name)) = (&args.before, server.name_before()) {
            rows.push((server, before.clone(), Row::new(name, args.rounds)));
        }
    }
    for round in 0..args.rounds {
        // In turn from either end, so that none has an advantage of being measured first.
        let turn: Vec<_> =
            if round.is_multiple_of(2) { rows.iter_mut().collect() } else { rows.iter_mut().rev().collect() };
        for (server, program, row) in turn {
            match measure(server, program, args.work, &processors) {
                Ok(taken) => {
                    eprintln!("round {}, {}: {taken}", round + 1, row.name);
                    row.rounds[round] = Some(taken);
                }
                Err(error) => row.failures.push(format!("{}, round {}: {error}", row.name, round + 1)),
            }
        }
    }
    let rows: Vec<Row> = rows.into_iter().map(|(_, _, row)| row).collect();
    println!("{}\n\n{}", args.work, table::table(&rows, args.work.messages == 0));
    for (server, row) in
        rows.iter().filter_map(|row| Some((SERVERS.iter().find(|it| it.name == row.name)?, row)))
    {
        let before = rows.iter().find(|it| server.name_before() == Some(it.name));
        if let Some(paired) = before.and_then(|before| Paired::new(row.ratios(before))) {
            println!("{} now, against before: {paired}", row.name);
        }
    }
    missing.iter().for_each(|it| println!("missing: {}", it.how_to_get(&args.chat)));
    let failures: Vec<&str> = rows.iter().flat_map(|it| &it.failures).map(String::as_str).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\npeers: ")) }
}

fn measure(
    server: &'static Server,
    program: &Path,
    work: &Work,
    processors: &Processors,
) -> Result<Taken, String> {
    let said = |error: io::Error| error.to_string();
    processors.take_the_servers().map_err(said)?; // what is started now inherits it
    let running = Running::start(server, program)?;
    processors.take_the_generators().map_err(said)?;
    let untold = "the system does not tell what it uses";
    let held = || process::memory(running.id()).ok_or(untold);
    let empty = held()?;
    let mut crowd = work.gather(server.dialect, running.at, PATIENCE)?;
    let used = || process::cpu(running.id()).zip(process::own_cpu()).ok_or(untold);
    let (before, began) = (used()?, Instant::now());
    work.drive(&mut crowd, PATIENCE)?;
    let after = used()?;
    Ok(Taken {
        server: after.0.saturating_sub(before.0),
        generator: after.1.saturating_sub(before.1),
        time: began.elapsed(),
        memory: held()?.saturating_sub(empty) as f64 / work.people as f64,
        messages: work.messages,
        deliveries: crowd.notes.delivered,
        late: crowd.notes.late,
    })
}

/// The other role of this program, in which it starts itself.
fn be_the_relay() -> Result<(), String> {
    let port = env::args().nth(2).and_then(|it| it.parse().ok()).ok_or("relay PORT")?;
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    relay::serve(listener).map_err(|error| error.to_string())
}

/// `chat` of the same build: this program is in `examples` beside it.
fn beside_this() -> Result<PathBuf, String> {
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let build = this.parent().and_then(Path::parent).ok_or("this program has no place")?;
    Ok(build.join("chat").with_extension(env::consts::EXE_EXTENSION))
}

/// How long a crowd may take to come in, and again until all that was said has come: the slowest needs a tenth.
const PATIENCE: Duration = Duration::from_secs(120);
