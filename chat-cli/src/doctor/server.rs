//! What can be said of a server: what answers at its ports, and how well.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use chat_core::{
    Address, HostPort, SharedRuntime,
    transport::Transports,
    wire::{self, Code, MAX_FRAME, PROTOCOL},
    within,
};

use super::{
    path,
    report::Step,
    talk::{Caller, PING_BYTES, Talk, Trouble},
};

/// What is asked about.
pub(super) struct Target {
    /// By every way that leads there, the one that was asked for first.
    pub(super) ways: Vec<Address>,
    /// Whether that one was named, so that the other one may be missing.
    pub(super) is_one_way: bool,
}

impl Target {
    /// A host that has TCP is expected to have UDP as well, and the other way round.
    pub(super) fn new(asked: Address, is_one_way: bool) -> Target {
        let has_both = BOTH.contains(&asked.scheme());
        let others = BOTH.iter().filter(|it| has_both && **it != asked.scheme());
        let others: Vec<Address> = others.filter_map(|it| Address::new(it, asked.rest()).ok()).collect();
        Target { ways: [vec![asked], others].concat(), is_one_way }
    }
}

/// The addresses of the host, if its ways have hosts.
pub(super) async fn name(target: &Target, runtime: &SharedRuntime) -> (Step, Option<SocketAddr>) {
    let asked = &target.ways[0];
    let Ok(HostPort { host, port }) = HostPort::parse(asked) else {
        return (Step::skipped("name", format!("{asked} names no host")), None);
    };
    if let Ok(ip) = host.parse::<IpAddr>() {
        return (Step::skipped("name", format!("{ip} needs no looking up")), Some((ip, port).into()));
    }
    let wanted = (host.clone(), port);
    let lookup = async_std::task::spawn_blocking(move || wanted.to_socket_addrs().map(Iterator::collect));
    let found: io::Result<Vec<SocketAddr>> = within(LOOKED_UP_WITHIN, &**runtime, lookup)
        .await
        .unwrap_or_else(|| Err(io::Error::new(ErrorKind::TimedOut, "no answer")));
    let advice = "check how it is spelled, or use its address, which `chat discover` and `ip address` show";
    match found.as_deref() {
        Ok([first, ..]) => {
            let ips: Vec<String> = found.iter().flatten().map(|it| it.ip().to_string()).collect();
            (Step::ok("name", format!("{host} is {}", ips.join(", "))).with("addresses", ips), Some(*first))
        }
        Ok([]) => (Step::bad("name", format!("{host} has no address"), advice), None),
        Err(error) => (Step::bad("name", format!("{host} is not known: {error}"), advice), None),
    }
}

/// Whether a server answers there.
pub(super) async fn way(
    address: &Address,
    transports: &Transports,
    caller: &Caller,
    runtime: &SharedRuntime,
) -> (Step, Result<Talk, Trouble>) {
    let transport = match transports.get(address) {
        Ok(transport) => transport,
        Err(error) => {
            let step = Step::bad("way", error.to_string(), format!("{error}"));
            return (step, Err(Trouble::NoLink(error.into())));
        }
    };
    let name = step_name(address);
    let opened = Talk::open(&*transport, address, caller, runtime.clone()).await;
    let step = match &opened {
        Ok(_) | Err(Trouble::Refused(_)) => Step::ok(name, format!("{address} answers")),
        Err(Trouble::NoLink(error)) => unreachable_because(name, address, error),
        Err(Trouble::Silence) => Step::bad(
            name,
            format!("nothing comes back from {address}"),
            format!(
                "either no server listens there (`chat serve` listens on TCP and UDP unless told), or a firewall \
                 here, there or between drops it: let {} through in both directions",
                port_of(address)
            ),
        ),
        Err(Trouble::Closed) => Step::bad(
            name,
            format!("{address} hangs up without a word"),
            "something else than a chat server listens there; check the port",
        ),
        Err(Trouble::Foreign) => Step::bad(
            name,
            format!("what answers at {address} does not speak this protocol"),
            "something else than a chat server listens there; check the port",
        ),
    };
    (step, opened)
}

fn unreachable_because(name: &'static str, address: &Address, error: &io::Error) -> Step {
    let port = port_of(address);
    let advice = match error.kind() {
        ErrorKind::ConnectionRefused => format!(
            "the machine is there, but nothing listens at {port}: start `chat serve` on it, or name the right port"
        ),
        ErrorKind::TimedOut => format!(
            "nothing answers at all: the machine is off or has another address, or a firewall drops {port}: let it in"
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "there is no way to that address: check that both machines are on the same network".to_owned()
        }
        _ => format!("see what the system says, and whether {port} is let through"),
    };
    let why = match error.kind() {
        ErrorKind::TimedOut => "no answer".to_owned(),
        _ => error.to_string(),
    };
    Step::bad(name, format!("cannot reach {address}: {why}"), advice)
}

/// What the server that welcomed us is.
pub(super) fn version(talk: &Talk) -> Step {
    let (server, protocol) = (&talk.welcome.server, talk.welcome.protocol);
    let step = Step::ok("version", format!("{server}, protocol {protocol}"));
    step.with("software", server.as_str()).with("protocol", protocol)
}

/// Why the server does not welcome us.
pub(super) fn refused(error: &wire::Error) -> Step {
    let advice = match error.code {
        Code::BadProtocol => format!("we speak protocol {PROTOCOL}; install the same version on both sides"),
        Code::BadPassword => "the server wants a password: --password-file FILE gives it".to_owned(),
        _ => "the server is there, and what it says is the reason".to_owned(),
    };
    Step::bad("version", format!("the server refuses us: {}", error.message), advice)
}

/// How far the clocks are apart.
pub(super) fn clock(talk: &Talk) -> Step {
    let Some(ahead) = talk.clock_ahead else {
        return Step::skipped("clock", "the server does not say what time it is");
    };
    let text = match ahead {
        0 => "both clocks show the same".to_owned(),
        1.. => format!("the server's is {} ahead of ours", seconds(ahead)),
        _ => format!("the server's is {} behind ours", seconds(ahead)),
    };
    let step = match ahead.unsigned_abs() <= CLOCKS_MAY_DIFFER_MS {
        true => Step::ok("clock", text),
        false => Step::odd(
            "clock",
            text,
            "times of messages are those of the server: have both machines set their clocks by the network (NTP)",
        ),
    };
    step.with("clock_ahead_ms", ahead)
}

/// How large a frame gets through at once.
pub(super) async fn datagram(talk: &mut Talk, to: Option<SocketAddr>) -> Step {
    let (mut fits, mut fails) = (PING_BYTES, None);
    for size in SIZES {
        if !gets_through(talk, size).await {
            fails = Some(size);
            break;
        }
        fits = size;
    }
    while let Some(largest) = fails.filter(|it| it - fits > CLOSE_ENOUGH) {
        let middle = fits.midpoint(largest);
        match gets_through(talk, middle).await {
            true => fits = middle,
            false => fails = Some(middle),
        }
    }
    let packet = to.and_then(path::packet);
    let whole = packet.map(|it| it.saturating_sub(IP_AND_UDP)).filter(|it| *it < fits);
    let in_pieces = whole.map_or(String::new(), |it| format!("; those over {it} in pieces"));
    let step = match fails {
        None => Step::ok("datagram", format!("up to {fits} bytes get there, the most there is{in_pieces}")),
        Some(_) => Step::odd(
            "datagram",
            format!("up to some {fits} bytes get there{in_pieces}"),
            format!(
                "messages of more than {fits} bytes do not get through over UDP: something on the way (a firewall, a \
                 VPN) drops the pieces of large datagrams; use tcp:// for long messages"
            ),
        ),
    };
    let step = step.with("largest_frame", fits);
    packet.into_iter().fold(step, |step, packet| step.with("path_mtu", packet))
}

async fn gets_through(talk: &mut Talk, size: usize) -> bool {
    for _ in 0..TRIES {
        if talk.ping(size - PING_BYTES, PONG_WITHIN).await.is_some() {
            return true;
        }
    }
    false
}

/// How long there and back takes, by each way.
pub(super) async fn round_trip(talks: &mut [(Address, Talk)]) -> Step {
    let mut texts = Vec::new();
    let mut step = Step::ok("round trip", "");
    for (address, talk) in talks {
        let mut took = Vec::new();
        for _ in 0..PINGS {
            took.extend(talk.ping(0, PONG_WITHIN).await);
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

/// What a way is called in a report.
fn step_name(address: &Address) -> &'static str {
    BOTH.iter().find(|it| **it == address.scheme()).copied().unwrap_or("link")
}

fn port_of(address: &Address) -> String {
    match HostPort::parse(address) {
        Ok(it) => format!("{} port {}", address.scheme().to_uppercase(), it.port),
        Err(_) => address.to_string(),
    }
}

fn seconds(ms: i64) -> String {
    match ms.unsigned_abs() {
        it @ ..10_000 => format!("{it} ms"),
        it => format!("{} s", it / 1000),
    }
}

/// What networks treat differently.
const BOTH: [&str; 2] = ["tcp", "udp"];
/// How long a name may take.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(5);
/// Nobody notices less, and nothing depends on it.
const CLOCKS_MAY_DIFFER_MS: u64 = 2000;
/// Frames to try, in bytes: around what usually is the limit of something.
const SIZES: [usize; 9] = [512, 1200, 1400, 2048, 4096, 8400, 16_384, 32_768, MAX_FRAME];
/// How exactly a limit is found, in bytes.
const CLOSE_ENOUGH: usize = 32;
/// Of so many pings of one size one is answered, if any is.
const TRIES: usize = 3;
/// Pings that are timed.
const PINGS: usize = 10;
/// How long a ping is waited for.
const PONG_WITHIN: Duration = Duration::from_millis(400);
/// The headers of a datagram over IPv4.
const IP_AND_UDP: usize = 28;
