//! `chat serve`: runs a server until a signal stops it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use chat_core::{
    Address, SharedRuntime,
    server::{Config, Limits, Server, Signer},
    transport::Transports,
};
use chat_discovery::{Announcer, Hints};
use chat_secure::StaticKey;
use futures::{FutureExt, select_biased};

use crate::{
    args::Serve,
    encryption,
    output::{Output, OutputError},
    parent_death, password,
    signals::Signals,
};

/// Runs `chat serve`.
///
/// # Errors
/// When the server cannot listen at an address, or stops working.
pub(crate) async fn run(transports: &Transports, runtime: SharedRuntime, args: Serve) -> anyhow::Result<()> {
    let mut signals = Signals::catch().context("cannot catch signals")?;
    if let Some(parent) = args.child_of {
        parent_death::kill_with_parent(parent).context("cannot end with the parent process")?;
    }
    raise_limits();
    let log = args.store.open(&runtime)?;
    let key = args.store.key(&runtime)?;
    let tickets = args.store.ticket_keys(&runtime);
    let config = config(&args, &key)?;
    let transports = encryption::of_server(transports, (&key, &tickets), args.secure_only, &runtime);
    let server = Server::start(config, log, runtime.clone()).await.context("cannot open the log of rooms")?;
    let server = Arc::new(server);
    let mut announcer = None;
    let served = serve(&server, (&transports, &key), &args, &mut signals, &mut announcer, &runtime).await;
    if let Some(announcer) = announcer {
        announcer.stop().await; // clients must not find this server any more
    }
    server.stop().await;
    served
}

/// The default limits of a server, with less time for goodbyes: a program ends within 3 s after a signal.
pub(crate) fn limits() -> Limits {
    Limits { drain_within: DRAIN_WITHIN, ..Limits::default() }
}

/// Raises the limit of open files as far as the system allows. Returns the new limit, if it is known.
pub(crate) fn raise_limits() -> Option<u64> {
    let raised = rlimit::increase_nofile_limit(rlimit::INFINITY);
    match &raised {
        Ok(files) => tracing::debug!(files, "open files are limited"),
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
    raised.ok()
}

/// The default name of a server: the name of this machine.
pub(crate) fn machine_name() -> String {
    whoami::hostname().ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "chat".to_owned())
}

fn config(args: &Serve, key: &StaticKey) -> anyhow::Result<Config> {
    let limits = Limits { shared_networks: args.shared_network.clone(), ..limits() };
    let limits = match args.store.bytes() {
        Some(bytes) => limits.with_history(bytes),
        None => limits,
    };
    let limits = if args.unlimited { limits.unlimited() } else { limits };
    let password = args.password_file.as_deref().map(password::read).transpose()?;
    let signer: Option<Arc<dyn Signer>> = Some(Arc::new(key.signing_key()));
    Ok(Config { limits, password, software: SOFTWARE.to_owned(), signer })
}

async fn serve(
    server: &Arc<Server>,
    (transports, key): (&Transports, &StaticKey),
    args: &Serve,
    signals: &mut Signals,
    announcer: &mut Option<Announcer>,
    runtime: &SharedRuntime,
) -> anyhow::Result<()> {
    let addresses: Vec<Address> = match args.listen.is_empty() {
        true => DEFAULT_ADDRESSES.iter().map(|address| address.parse().expect("a valid address")).collect(),
        false => args.listen.clone(),
    };
    let mut bound = Vec::new();
    for address in &addresses {
        let at = server.listen(transports, address).await;
        bound.push(at.with_context(|| format!("cannot listen at {address}"))?);
    }
    if !args.no_announce {
        let name = args.name.clone().unwrap_or_else(machine_name);
        let announcer = announcer.insert(Announcer::start(&name, SOFTWARE, runtime.clone()));
        let rooms = server.clone();
        let hints = Hints { key: Some(key.id()), password: args.password_file.is_some() };
        announcer.open(bound.clone(), hints, move || rooms.rooms() as u64);
    }
    for address in &bound {
        tracing::info!(%address, "listening");
    }
    args.store.announce(key);
    let mut printing = Box::pin(print(bound).fuse());
    let mut failed = Box::pin(server.failed().fuse());
    loop {
        select_biased! {
            () = signals.shutdown_requested() => {
                tracing::info!(sessions = server.sessions(), "stopping");
                return Ok(());
            }
            () = failed => bail!("the server stopped working: a bug ended the task that stores messages"),
            printed = printing => match printed {
                Err(OutputError::Closed) => {
                    tracing::debug!("standard output is closed; the addresses are not printed")
                }
                printed => printed?,
            },
        }
    }
}

/// Prints the addresses, on a thread of its own: a terminal that was stopped takes nothing. A program that reads a line
/// may assume that the server is up, so this comes after all addresses are bound.
async fn print(bound: Vec<Address>) -> Result<(), OutputError> {
    let lines: String = bound.iter().map(|address| format!("listening on {address}\n")).collect();
    async_std::task::spawn_blocking(move || Output::plain().write(lines.as_bytes())).await
}

/// The name and version of the program, as clients see them.
pub(crate) const SOFTWARE: &str = concat!("chat ", env!("CARGO_PKG_VERSION"));

/// How long the goodbyes to clients may take.
const DRAIN_WITHIN: Duration = Duration::from_millis(1500);

/// The default addresses to listen at.
pub(crate) const DEFAULT_ADDRESSES: [&str; 2] = ["tcp://0.0.0.0:7000", "udp://0.0.0.0:7000"];
