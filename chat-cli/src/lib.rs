//! The program `chat`, as a library: [`run`] it with one more transport and it speaks that too.
//!
//! There is nothing of the conversation itself in here, and no socket: only the command line, the terminal, and the
//! clocks and threads of a real system.
//!
//! ```no_run
//! use chat_core::memory::Memory;
//!
//! fn main() -> std::process::ExitCode {
//!     chat_cli::run(chat_cli::standard().with("memory", Memory::default()))
//! }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Arc,
};

use chat_core::{SharedRuntime, transport::Transports};
use chat_front::text::Sanitized;
use chat_tcp::Tcp;
use chat_udp::Udp;
use clap::Parser;

use args::{Cli, Command, Join, LogFormat};
use output::{Output, OutputError};
use settings::Settings;

mod args;
mod atomic_file;
mod bench;
mod bot;
mod compare;
mod config;
mod connector;
mod discover;
mod doctor;
mod duration;
mod encryption;
mod export;
mod join;
mod key;
mod known_servers;
mod lan;
mod line;
mod logging;
mod names;
mod output;
mod output_file;
mod own_key;
mod parent_death;
mod password;
mod place;
pub mod process;
mod runtime;
mod search;
mod secret_input;
mod send;
mod serve;
mod settings;
mod short_session;
mod signals;
mod state_file;
mod stats;
mod status_line;
mod storage;
mod tail;
mod timestamp;
mod verify;

pub use runtime::Pool;
use runtime::block_on;

/// The transports the program comes with: `tcp` and `udp`, and for comparisons `tcp-nagle`, TCP with Nagle's algorithm.
pub fn standard() -> Transports {
    let runtime: SharedRuntime = Arc::new(Pool);
    let tcp = Tcp::new(runtime.clone());
    Transports::new()
        .with("tcp", tcp.clone())
        .with("tcp-nagle", tcp.with_nagle())
        .with("udp", Udp::new(runtime))
}

/// Does what the command line says, over `transports`, and says how it went: status 0, or 1 after
/// one line on standard error (or, from `chat search`, without one), or 2 for a command line that makes no sense.
pub fn run(transports: Transports) -> ExitCode {
    let status = run_command(&transports);
    logging::flush();
    status
}

fn run_command(transports: &Transports) -> ExitCode {
    let done = match Cli::try_parse() {
        Ok(cli) => start(transports, cli),
        Err(error) if error.use_stderr() => {
            let _ = error.print();
            return ExitCode::from(USAGE);
        }
        Err(help) => Output::plain()
            .write(help.to_string().as_bytes())
            .map(|()| ExitCode::SUCCESS)
            .map_err(anyhow::Error::from),
    };
    let error = match done {
        Ok(status) => return status,
        Err(error) => error,
    };
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        let _ = usage.print();
        return ExitCode::from(USAGE);
    }
    if let Some(OutputError::Closed) = error.downcast_ref() {
        return ExitCode::SUCCESS; // `chat tail … | head` is no failure
    }
    let line = Sanitized::line(&format!("{error:#}"));
    logging::say(&format!("chat: {line}"));
    ExitCode::FAILURE
}

fn start(transports: &Transports, cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime: SharedRuntime = Arc::new(Pool);
    let command = cli.command.unwrap_or(Command::Join(Join { server: None, talking: cli.talking }));
    match &command {
        Command::Serve(args) => {
            logging::start("info", args.log)?;
            logging::log_panics();
        }
        // Log lines would appear in the middle of the screen or of the line being typed.
        Command::Join(args) if join::has_terminal(&args.talking) && io::stderr().is_terminal() => {}
        _ => logging::start("warn", LogFormat::Human)?,
    }
    let settings = Settings::load;
    let done = match command {
        Command::Serve(args) => block_on(serve::run(transports, runtime, args)),
        Command::Join(args) => block_on(join::run(transports, runtime, args, &settings()?)),
        Command::Send(args) => block_on(send::run(transports, runtime, args, &settings()?)),
        Command::Tail(args) => block_on(tail::run(transports, runtime, args, &settings()?)),
        Command::Search(args) => {
            return block_on(search::run(transports, runtime, args, &settings()?));
        }
        Command::Export(args) => block_on(export::run(transports, runtime, args, &settings()?)),
        Command::Verify(args) => block_on(verify::run(transports, runtime, args, &settings()?)),
        Command::Bot(args) => block_on(bot::run(transports, runtime, args, &settings()?)),
        Command::Doctor(args) => {
            return block_on(doctor::run(transports, runtime, args, &settings()?));
        }
        Command::Compare(args) => return compare::run(transports, runtime, args),
        Command::Bench(args) => return block_on(bench::run(transports, runtime, args)),
        Command::Discover(args) => block_on(discover::run(runtime, &args)),
        Command::Key(args) => block_on(key::run(transports, runtime, args)),
        Command::Config(args) => config::run(&args),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut args::to_complete(), "chat", &mut script);
            Output::plain().write(&script).map_err(anyhow::Error::from)
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The status for a command line that makes no sense.
const USAGE: u8 = 2;
/// The exit status of a command that was interrupted, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;
