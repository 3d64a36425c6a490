//! `chat doctor`: says step by step what works between here and a server, and what to do about the first thing that
//! does not.

mod machine;
mod path;
mod report;
mod server;
mod talk;

use std::{process::ExitCode, time::Duration};

use chat_core::{Address, SharedRuntime, transport::Transports};

use crate::{args::Doctor, lan, names, password, settings::Settings};

use report::{Report, Step};
use server::Target;
use talk::{Caller, Talk, Trouble};

/// Runs `chat doctor`; its status is 0 if one can chat.
///
/// # Errors
/// When the password cannot be read, or nothing can be printed.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Doctor,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    let mut report = Report::new(args.json, settings.colours.value);
    report.add(machine::network())?;
    report.add(machine::multicast(&runtime).await)?;
    let is_one_way = args.server.as_ref().is_some_and(|it| it.is_one_way);
    let server = settings.known_server(args.server.map(|it| it.address));
    let (step, server) = which(server, &runtime).await;
    report.add(step)?;
    if let Some(server) = server {
        let password = args.password_file.or_else(|| settings.password_file.value.clone());
        let password = password.as_deref().map(password::read).transpose()?;
        // Two doctors may be called at the same time.
        let name = names::unique("doctor", &*runtime);
        let caller = Caller { name, password };
        examine(&Target::new(server, is_one_way), transports, &caller, &runtime, &mut report).await?;
    }
    Ok(if report.end()? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The server to look at: the one that is known, or else the first that is found.
async fn which(known: Option<Address>, runtime: &SharedRuntime) -> (Step, Option<Address>) {
    let found = lan::list(runtime, LOOK).await;
    let names: Vec<String> = found.iter().map(|it| format!("{} ({})", it.name, it.urls[0])).collect();
    let text = match names.len() {
        0 => "none was found on this network".to_owned(),
        _ => format!("found: {}", names.join(", ")),
    };
    match (known, found.first()) {
        (Some(known), _) => {
            (Step::ok("server", format!("{known}; {text}")).with("found", names), Some(known))
        }
        (None, Some(first)) => (Step::ok("server", text).with("found", names), Some(first.urls[0].clone())),
        (None, None) => {
            let advice = "start one with `chat serve`; if there is one, name it: chat doctor HOST";
            (Step::bad("server", text, advice), None)
        }
    }
}

async fn examine(
    target: &Target,
    transports: &Transports,
    caller: &Caller,
    runtime: &SharedRuntime,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (step, at) = server::name(target, runtime).await;
    let is_unknown = step.is_bad();
    report.add(step)?;
    if is_unknown {
        return Ok(());
    }
    let mut talks: Vec<(Address, Talk)> = Vec::new();
    let mut refused = None;
    for (nth, address) in target.ways.iter().enumerate() {
        let caller = Caller { name: format!("{}-{nth}", caller.name), ..caller.clone() };
        let (step, opened) = server::way(address, transports, &caller, runtime).await;
        report.add(step.forgiven(nth > 0 && target.is_one_way))?;
        match opened {
            Ok(talk) => talks.push((address.clone(), talk)),
            Err(Trouble::Refused(error)) => refused = refused.or(Some(error)),
            Err(_) => {}
        }
    }
    let Some((_, first)) = talks.first() else {
        return report.add(match &refused {
            Some(error) => server::refused(error),
            None => Step::skipped("version", "no server was reached"),
        });
    };
    report.add(server::version(first))?;
    report.add(server::clock(first))?;
    match talks.iter_mut().find(|(address, _)| may_lose(transports, address)) {
        Some((_, talk)) => report.add(server::datagram(talk, at).await)?,
        None => report.add(Step::skipped("datagram", "no way there has datagrams"))?,
    }
    report.add(server::round_trip(&mut talks).await)?;
    for (_, talk) in talks {
        talk.leave().await;
    }
    Ok(())
}

fn may_lose(transports: &Transports, address: &Address) -> bool {
    transports.get(address).is_ok_and(|it| !it.promises().reliable)
}

/// How long to look for servers.
const LOOK: Duration = Duration::from_millis(1500);
