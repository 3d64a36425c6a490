//! The checks that need no server: the network interfaces of this machine, and multicast.

use std::{io, time::Duration};

use chat_core::SharedRuntime;
use chat_discovery::{
    interfaces::{self, Interface},
    multicast::{self, Echo},
};
use futures::FutureExt;

use super::report::Step;

/// Lists the interfaces that are up.
pub(super) fn network() -> Step {
    let all = match interfaces::list() {
        Ok(all) => all,
        Err(error) => {
            return Step::bad(
                "network",
                error.to_string(),
                "this system does not report its network interfaces",
            );
        }
    };
    let outside: Vec<&Interface> = all.iter().filter(|interface| !interface.ip.is_loopback()).collect();
    let texts: Vec<String> = outside
        .iter()
        .map(|interface| format!("{} {}/{}", interface.name, interface.ip, interface.prefix))
        .collect();
    match texts.is_empty() {
        false => Step::ok("network", texts.join(", ")).with("interfaces", texts),
        true => Step::odd(
            "network",
            "no interface is up but loopback",
            "plug in the cable or join the Wi-Fi; until then only programs on this machine can chat",
        ),
    }
}

/// Checks that multicast is sent and received. Servers are found by probes too, so one can chat without it.
pub(super) async fn multicast(runtime: &SharedRuntime) -> Step {
    match multicast::echo(runtime, LISTEN).boxed().await {
        Ok(Echo { sent, failed, .. }) if sent.is_empty() && failed.is_empty() => {
            Step::skipped("multicast", "no IPv4 network for multicast")
        }
        Ok(echo) => received(&echo),
        Err(error) => Step::odd(
            "multicast",
            format!("cannot listen on UDP port 5353: {error}"),
            "another program uses UDP port 5353 exclusively; servers are still found by probes, or can be given by address",
        ),
    }
}

fn received(echo: &Echo) -> Step {
    let on = echo.sent.join(", ");
    let step = if let Some((name, error)) = echo.failed.iter().find(|(_, error)| is_limit(error)) {
        Step::odd(
            "multicast",
            format!(
                "this machine has more networks than it can join multicast groups on, {name} among them: {error}"
            ),
            "raise the limit of the system (on Linux, sysctl net.ipv4.igmp_max_memberships); until then servers on those \
             networks are found by probes alone",
        )
    } else if let Some((name, error)) = echo.failed.first() {
        Step::odd(
            "multicast",
            format!("cannot be sent on {name}: {error}"),
            "allow outgoing UDP to 224.0.0.251 port 5353 in the firewall of this machine; until then servers are \
             found by probes alone",
        )
    } else if !echo.heard_ourselves {
        Step::odd(
            "multicast",
            format!("sent on {on}, but this machine does not receive it"),
            "allow incoming UDP port 5353 in the firewall of this machine; until then servers are found by probes alone",
        )
    } else if echo.others.is_empty() {
        Step::odd(
            "multicast",
            format!("sent and received on {on}, but no other machine answers"),
            "either no other machine here speaks mDNS, or the network blocks multicast (Wi-Fi with client isolation, a \
             switch with IGMP snooping, a firewall); servers are then found by probes, or can be given by address",
        )
    } else {
        let others = echo.others.len();
        Step::ok("multicast", format!("sent on {on}; answers from other machines: {others}"))
    };
    step.with("others", echo.others.len())
}

/// Whether the system has no room for one more membership of a multicast group.
#[cfg(unix)]
fn is_limit(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::errno::Errno::ENOBUFS as i32)
}

#[cfg(not(unix))]
fn is_limit(_: &io::Error) -> bool {
    false
}

/// How long to listen: a responder may delay its answer by half a second (RFC 6762, section 6).
const LISTEN: Duration = Duration::from_millis(1000);
