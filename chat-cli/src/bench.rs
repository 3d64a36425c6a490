//! `chat bench`: puts a load on a server, and reports the figures.

mod cost;
mod progress;

use std::{process::ExitCode, thread, time::Duration};

use anyhow::{Context, anyhow, bail};
use chat_core::{SharedRuntime, transport::Transports};
use chat_measure::{
    TargetServer,
    load::{Asked, Clients, Figures, Load, Report, Watch},
};
use futures::{FutureExt, future::join, select_biased};

use crate::{
    INTERRUPTED,
    args::{Bench, usage},
    names,
    output::Output,
    password, process,
    serve::{self, SOFTWARE},
    signals::Signals,
};

use cost::Costs;
use progress::Progress;

/// Runs `chat bench`. The exit status is 130 if the load was ended early.
///
/// # Errors
/// When a client cannot join, or a delivery was lost, came twice or came out of order.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Bench,
) -> anyhow::Result<ExitCode> {
    let load = args.load().map_err(usage)?;
    let transport = transports.get(&args.server).map_err(|why| usage(format_args!("URL: {why}")))?;
    if let Some(pid) = args.pid.filter(|it| process::cpu(*it).is_none()) {
        return Err(usage(format_args!("--pid: nothing is known of a process {pid} on this machine")).into());
    }
    let password = args.password_file.as_deref().map(password::read).transpose()?;
    raise_limits(load.clients)?;
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let target = TargetServer {
        transport,
        address: args.server.clone(),
        password,
        prefix: names::unique("bench", &*runtime) + "-",
        runtime: runtime.clone(),
    };
    let mut costs = Costs::new(args.pid, runtime.clone());
    let mut clients = Clients::new(load.clone(), target);
    let (watch, progress) = (clients.watch(), Progress::new(&load));
    let done = {
        let mut measured = Box::pin(measure(&mut clients, &load, &watch, &mut costs, &runtime).fuse());
        let mut shown = Box::pin(progress.show(&watch, &runtime).fuse());
        select_biased! {
            () = signals.shutdown_requested() => None,
            done = measured => Some(done),
            () = shown => unreachable!("it never ends"),
        }
    };
    progress.end();
    let figures = clients.leave().await;
    if let Some(done) = &done {
        done.as_ref().map_err(|why| anyhow!("{why}"))?;
    }
    let mut report = Report {
        software: SOFTWARE.to_owned(),
        server: args.server.to_string(),
        transport: args.server.scheme().to_owned(),
        load: load.to_string(),
        asked: Asked::of(&load),
        figures,
        server_cost: None,
        server_memory: None,
        generator_cost: None,
        cores: thread::available_parallelism().map_or(1, usize::from),
    };
    costs.add_to(&mut report);
    match args.json {
        true => Output::plain().json(&report)?,
        false => Output::plain().write(report.table().as_bytes())?,
    }
    match done {
        None => Ok(ExitCode::from(INTERRUPTED)),
        Some(_) => check(&report.figures).map(|()| ExitCode::SUCCESS),
    }
}

/// Lets the clients join and talk, and measures the costs.
async fn measure(
    clients: &mut Clients,
    load: &Load,
    watch: &Watch,
    costs: &mut Costs,
    runtime: &SharedRuntime,
) -> Result<(), String> {
    clients.join().await?;
    // The traffic of the joins comes to rest before anything is measured.
    runtime.sleep_until(runtime.now() + SETTLE_TIME).await;
    costs.note_joined();
    let begins = runtime.now() + AHEAD;
    let warmed_up = async {
        runtime.sleep_until(begins + load.warmup).await;
        costs.begin(watch);
    };
    join(clients.talk(begins), warmed_up).await;
    costs.end(watch);
    Ok(())
}

/// Checks that every delivery came once and in order.
///
/// # Errors
/// When a delivery was faulty or a link was lost.
fn check(figures: &Figures) -> anyhow::Result<()> {
    let Figures { lost, duplicated, reordered, lost_links, .. } = figures;
    if *lost_links > 0 {
        let why = figures.why_lost.as_deref().unwrap_or("unknown");
        bail!("links were lost: {lost_links}, the reason of the first: {why}");
    }
    if !figures.is_faultless() {
        bail!("deliveries were lost: {lost}, came twice: {duplicated}, out of order: {reordered}");
    }
    Ok(())
}

/// Raises the limit of open files as far as the system allows.
///
/// # Errors
/// When that is too few for the clients: what to do.
fn raise_limits(clients: usize) -> anyhow::Result<()> {
    let needed = clients as u64 + SPARE;
    match serve::raise_limits() {
        Some(files) if files < needed => bail!(
            "{clients} clients need {needed} open files, and this system allows {files}: raise that with `ulimit -n \
             {needed}` (this may need root), or ask for fewer with --clients; the server needs as many"
        ),
        _ => Ok(()),
    }
}

/// Open files besides links: terminals, libraries, the runtime's own.
const SPARE: u64 = 32;
const SETTLE_TIME: Duration = Duration::from_millis(500);
/// How long clients are silent before the load begins.
const AHEAD: Duration = Duration::from_millis(100);
