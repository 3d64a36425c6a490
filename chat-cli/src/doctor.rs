//! `chat doctor`: checks step by step what works between this machine and a server, and gives advice on the first failure.

mod datagram;
mod machine;
mod mtu;
mod probe_session;
mod report;
mod server;

use std::{process::ExitCode, time::Duration};

use chat_core::{Address, SharedRuntime, transport::Transports};

use crate::{
    args::{Doctor, Person},
    connector::client_transports,
    encryption::Expected,
    lan, names, password,
    settings::Settings,
};

use probe_session::{ConnectError, Credentials, ProbeSession};
use report::{Report, Step};
use server::Target;

/// Runs `chat doctor`; its status is 0 if chat works.
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
    let has_scheme = args.server.as_ref().is_some_and(|asked| asked.has_scheme);
    let server = settings.known_server(args.server.map(|asked| asked.address));
    let (step, server) = which(server, &runtime).await;
    report.add(step)?;
    if let Some((server, found_as)) = server {
        let person =
            Person { password_file: args.password_file, unencrypted: args.unencrypted, ..Person::default() };
        let person = settings.person(person);
        let asked = password::Server { url: &server, found_as: found_as.as_deref() };
        let password = password::for_server(&person, asked, None)?;
        // The name is unique because two doctors may run at the same time.
        let name = names::unique("doctor", &*runtime);
        let credentials = Credentials { name, password };
        let expected = Expected::at(server.clone(), found_as.as_deref());
        let transports = &client_transports(transports, &runtime, &expected, &person)?;
        examine(&Target::new(server, has_scheme), transports, &credentials, &runtime, &mut report).await?;
    }
    Ok(if report.end()? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The server to examine: the one that is given, or else the first one that is found, with its name.
async fn which(known: Option<Address>, runtime: &SharedRuntime) -> (Step, Option<(Address, Option<String>)>) {
    let found = lan::list(runtime, LOOK).await;
    let names: Vec<String> =
        found.iter().map(|server| format!("{} ({})", server.name, server.urls[0])).collect();
    let text = match names.len() {
        0 => "none was found on this network".to_owned(),
        _ => format!("found: {}", names.join(", ")),
    };
    match (known, found.first()) {
        (Some(known), _) => {
            (Step::ok("server", format!("{known}; {text}")).with("found", names), Some((known, None)))
        }
        (None, Some(first)) => {
            let found = (first.urls[0].clone(), Some(first.name.clone()));
            (Step::ok("server", text).with("found", names), Some(found))
        }
        (None, None) => {
            let advice = "start one with `chat serve`; if there is one, give its address: chat doctor HOST";
            (Step::bad("server", text, advice), None)
        }
    }
}

async fn examine(
    target: &Target,
    transports: &Transports,
    credentials: &Credentials,
    runtime: &SharedRuntime,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (step, at) = server::resolve(target, runtime).await;
    let is_unresolved = step.is_bad();
    report.add(step)?;
    if is_unresolved {
        return Ok(());
    }
    let mut sessions: Vec<(Address, ProbeSession)> = Vec::new();
    let mut refused = None;
    let mut opened = Vec::new();
    for (nth, address) in target.addresses.iter().enumerate() {
        let credentials = Credentials { name: format!("{}-{nth}", credentials.name), ..credentials.clone() };
        opened.push((address, server::connect(address, transports, &credentials, runtime).await));
    }
    let answers = opened.iter().any(|(_, opened)| matches!(opened, Ok(_) | Err(ConnectError::Refused(_))));
    for (nth, (address, opened)) in opened.into_iter().enumerate() {
        let step = server::connected(address, &opened, answers);
        report.add(step.forgiven(nth > 0 && target.has_scheme))?;
        match opened {
            Ok(session) => sessions.push((address.clone(), session)),
            Err(ConnectError::Refused(error)) => refused = refused.or(Some(error)),
            Err(_) => {}
        }
    }
    let Some((_, first)) = sessions.first() else {
        return report.add(match &refused {
            Some(error) => server::refused(error),
            None => Step::skipped("version", "no server was reached"),
        });
    };
    report.add(server::version(first))?;
    report.add(server::clock(first))?;
    match sessions.iter_mut().find(|(address, _)| may_lose(transports, address)) {
        Some((address, session)) => {
            let whole = match address.scheme() == "udp" {
                true => datagram::in_one_piece(address, credentials, runtime).await,
                false => None,
            };
            report.add(datagram::datagram(session, whole, at).await)?;
        }
        None => report.add(Step::skipped("datagram", "no transport to this server uses datagrams"))?,
    }
    report.add(server::round_trip(&mut sessions).await)?;
    for (_, session) in sessions {
        session.leave().await;
    }
    Ok(())
}

fn may_lose(transports: &Transports, address: &Address) -> bool {
    transports.get(address).is_ok_and(|transport| !transport.promises().is_lossless())
}

/// How long to search for servers.
const LOOK: Duration = Duration::from_millis(1500);
