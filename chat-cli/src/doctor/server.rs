//! The checks of a server: name, connection, version, clock and round trip.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use chat_core::{
    Address, HostPort, SharedRuntime,
    transport::Transports,
    wire::{self, Code, PROTOCOL},
    within,
};

use chat_secure::fingerprint;

use super::{
    probe_session::{ConnectError, Credentials, ProbeSession},
    report::Step,
};

/// The server to examine.
pub(super) struct Target {
    /// Its address over every transport; the transport that the user asked for comes first.
    pub(super) addresses: Vec<Address>,
    /// Whether the user named one transport, so that the other one may be missing.
    pub(super) has_scheme: bool,
}

impl Target {
    /// A server is expected on both TCP and UDP.
    pub(super) fn new(asked: Address, has_scheme: bool) -> Target {
        let has_both = BOTH.contains(&asked.scheme());
        let others = BOTH.iter().filter(|scheme| has_both && **scheme != asked.scheme());
        let others: Vec<Address> =
            others.filter_map(|scheme| Address::new(scheme, asked.rest()).ok()).collect();
        Target { addresses: [vec![asked], others].concat(), has_scheme }
    }
}

/// Resolves the host name of the server, if its address has one.
pub(super) async fn resolve(target: &Target, runtime: &SharedRuntime) -> (Step, Option<SocketAddr>) {
    let asked = &target.addresses[0];
    let Ok(HostPort { host, port }) = HostPort::parse(asked) else {
        return (Step::skipped("name", format!("{asked} has no host name")), None);
    };
    if let Ok(ip) = host.parse::<IpAddr>() {
        return (Step::skipped("name", format!("{ip} is an IP address")), Some((ip, port).into()));
    }
    let wanted = (host.clone(), port);
    let lookup = async_std::task::spawn_blocking(move || wanted.to_socket_addrs().map(Iterator::collect));
    let found: io::Result<Vec<SocketAddr>> = within(LOOKED_UP_WITHIN, &**runtime, lookup)
        .await
        .unwrap_or_else(|| Err(io::Error::new(ErrorKind::TimedOut, "no answer")));
    let advice = "check the spelling, or use the IP address, which `chat discover` and `ip address` show";
    match found.as_deref() {
        Ok([first, ..]) => {
            let ips: Vec<String> = found.iter().flatten().map(|address| address.ip().to_string()).collect();
            (Step::ok("name", format!("{host} is {}", ips.join(", "))).with("addresses", ips), Some(*first))
        }
        Ok([]) => (Step::bad("name", format!("{host} has no address"), advice), None),
        Err(error) => (Step::bad("name", format!("{host} is not known: {error}"), advice), None),
    }
}

/// Connects to `address` and asks for a session.
pub(super) async fn connect(
    address: &Address,
    transports: &Transports,
    credentials: &Credentials,
    runtime: &SharedRuntime,
) -> Result<ProbeSession, ConnectError> {
    let transport = transports.get(address).map_err(|error| ConnectError::NoLink(error.into()))?;
    ProbeSession::open(&*transport, address, credentials, runtime.clone()).await
}

/// What came of connecting to `address`; `answers` says whether the server answers over any transport.
pub(super) fn connected(
    address: &Address,
    opened: &Result<ProbeSession, ConnectError>,
    answers: bool,
) -> Step {
    let name = step_name(address);
    match opened {
        Ok(_) | Err(ConnectError::Refused(_)) => Step::ok(name, format!("{address} answers")),
        // Where links are encrypted, the handshake meets the other program first.
        Err(ConnectError::NoLink(error)) if error.kind() == ErrorKind::UnexpectedEof => closed(name, address),
        Err(ConnectError::NoLink(error)) if error.kind() == ErrorKind::InvalidData => foreign(name, address),
        Err(ConnectError::NoLink(error)) => unreachable_because(name, address, error, answers),
        Err(ConnectError::Silence) => Step::bad(
            name,
            format!("no answer from {address}"),
            format!(
                "either no server listens there (`chat serve` listens on TCP and UDP by default), or a firewall on \
                 one of the machines or between them drops the packets: allow {} in both directions",
                port_of(address)
            ),
        ),
        Err(ConnectError::Closed) => closed(name, address),
        Err(ConnectError::Foreign) => foreign(name, address),
    }
}

fn closed(name: &'static str, address: &Address) -> Step {
    let words = format!("{address} closes the connection without an answer");
    Step::bad(name, words, "another program than a chat server listens there; check the port")
}

fn foreign(name: &'static str, address: &Address) -> Step {
    let words = format!("the program at {address} does not speak this protocol");
    Step::bad(name, words, "another program than a chat server listens there; check the port")
}

fn unreachable_because(name: &'static str, address: &Address, error: &io::Error, answers: bool) -> Step {
    let port = port_of(address);
    let advice = match error.kind() {
        ErrorKind::ConnectionRefused => format!(
            "the machine answers, but no program listens at {port}: start `chat serve` there, or give the right port"
        ),
        ErrorKind::TimedOut if answers => format!(
            "the machine is there and answers otherwise, but a firewall on it or between the machines drops {port}: allow it"
        ),
        ErrorKind::TimedOut => format!(
            "the machine does not answer: it is off, has another address, or a firewall drops {port}: allow it"
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "there is no route to that address: check that both machines are on the same network".to_owned()
        }
        ErrorKind::PermissionDenied => "the server answers; the message says why it is not joined".to_owned(),
        _ => format!("see the message of the system, and whether the firewalls allow {port}"),
    };
    let why = match error.kind() {
        ErrorKind::TimedOut => "no answer".to_owned(),
        _ => error.to_string(),
    };
    Step::bad(name, format!("cannot reach {address}: {why}"), advice)
}

/// The software, protocol version and key of the server.
pub(super) fn version(session: &ProbeSession) -> Step {
    let (server, protocol) = (&session.welcome.server, session.welcome.protocol);
    let (key, print) = match session.server.map(fingerprint) {
        Some(print) => (format!("the key {print}"), Some(print)),
        None => ("not encrypted".to_owned(), None),
    };
    let step = Step::ok("version", format!("{server}, protocol {protocol}, {key}"));
    let step = step.with("software", server.as_str()).with("protocol", protocol);
    print.into_iter().fold(step, |step, print| step.with("fingerprint", print))
}

/// The reason why the server refuses the session.
pub(super) fn refused(error: &wire::Error) -> Step {
    let advice = match error.code {
        Code::BadProtocol => {
            format!("this program speaks protocol {PROTOCOL}; install the same version on both sides")
        }
        Code::BadPassword => "the server needs a password: give it with --password-file FILE".to_owned(),
        _ => "the server answers; its message is the reason".to_owned(),
    };
    Step::bad("version", format!("the server refuses the session: {}", error.message), advice)
}

/// Compares the clocks.
pub(super) fn clock(session: &ProbeSession) -> Step {
    let Some(ahead) = session.clock_ahead else {
        return Step::skipped("clock", "the server does not report its time");
    };
    let text = match ahead {
        0 => "both clocks agree".to_owned(),
        1.. => format!("the server's clock is {} ahead", seconds(ahead)),
        _ => format!("the server's clock is {} behind", seconds(ahead)),
    };
    let step = match ahead.unsigned_abs() <= CLOCKS_MAY_DIFFER_MS {
        true => Step::ok("clock", text),
        false => Step::odd(
            "clock",
            text,
            "messages carry the server's time: let both machines set their clocks by NTP",
        ),
    };
    step.with("clock_ahead_ms", ahead)
}

/// Measures the round trip time over each transport.
pub(super) async fn round_trip(sessions: &mut [(Address, ProbeSession)]) -> Step {
    let mut texts = Vec::new();
    let mut step = Step::ok("round trip", "");
    for (address, session) in sessions {
        let mut took = Vec::new();
        for _ in 0..PINGS {
            took.extend(session.ping(0, PONG_WITHIN).await);
        }
        took.sort_unstable();
        let name = step_name(address);
        let lost = PINGS - took.len();
        step = step.with(&format!("{name}_lost"), lost);
        let Some(median) = took.get(took.len() / 2) else {
            texts.push(format!("{name}: no answer to {PINGS} pings"));
            continue;
        };
        step = step.with(&format!("{name}_round_trip_us"), median.as_micros().min(u64::MAX.into()) as u64);
        let lost = if lost > 0 { format!(", {lost} of {PINGS} lost") } else { String::new() };
        texts.push(format!("{name} {:.2} ms{lost}", median.as_secs_f64() * 1000.0));
    }
    step.says(texts.join("; "))
}

/// The name of the step for a transport.
fn step_name(address: &Address) -> &'static str {
    BOTH.iter().find(|scheme| **scheme == address.scheme()).copied().unwrap_or("link")
}

fn port_of(address: &Address) -> String {
    match HostPort::parse(address) {
        Ok(host) => format!("{} port {}", address.scheme().to_uppercase(), host.port),
        Err(_) => address.to_string(),
    }
}

fn seconds(ms: i64) -> String {
    match ms.unsigned_abs() {
        ms @ ..10_000 => format!("{ms} ms"),
        ms => format!("{} s", ms / 1000),
    }
}

/// The transports of a server; networks treat them differently.
const BOTH: [&str; 2] = ["tcp", "udp"];
/// How long the lookup of a name may take.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(5);
/// A smaller difference is not noticed, and nothing depends on it.
const CLOCKS_MAY_DIFFER_MS: u64 = 2000;
/// How many pings are timed.
const PINGS: usize = 10;
/// How long to wait for the answer to a ping.
pub(super) const PONG_WITHIN: Duration = Duration::from_millis(400);
