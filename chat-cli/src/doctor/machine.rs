//! What can be said without a server: this machine's interfaces, and whether they carry multicast.

use std::time::Duration;

use chat_core::SharedRuntime;
use chat_discovery::{
    interfaces::{self, Interface},
    multicast::{self, Echo},
};
use futures::FutureExt;

use super::report::Step;

/// The interfaces that are up.
pub(super) fn network() -> Step {
    let all = match interfaces::list() {
        Ok(all) => all,
        Err(error) => {
            return Step::bad(
                "network",
                error.to_string(),
                "this system does not say what networks it is on",
            );
        }
    };
    let outside: Vec<&Interface> = all.iter().filter(|it| !it.ip.is_loopback()).collect();
    let texts: Vec<String> =
        outside.iter().map(|it| format!("{} {}/{}", it.name, it.ip, it.prefix)).collect();
    match texts.is_empty() {
        false => Step::ok("network", texts.join(", ")).with("interfaces", texts),
        true => Step::odd(
            "network",
            "no interface is up but loopback",
            "plug in the cable or join the Wi-Fi; until then only programs on this machine can chat",
        ),
    }
}

/// Whether multicast is sent and heard.
pub(super) async fn multicast(runtime: &SharedRuntime) -> Step {
    match multicast::echo(runtime, LISTEN).boxed().await {
        Ok(Echo { sent, failed, .. }) if sent.is_empty() && failed.is_empty() => {
            Step::skipped("multicast", "there is no IPv4 network to send it to")
        }
        Ok(echo) => heard(&echo),
        Err(error) => Step::bad(
            "multicast",
            format!("cannot listen on UDP port 5353: {error}"),
            "another program has UDP port 5353 for itself; servers are still found by probes, or named by hand",
        ),
    }
}

fn heard(echo: &Echo) -> Step {
    let on = echo.sent.join(", ");
    let step = if let Some((name, error)) = echo.failed.first() {
        Step::bad(
            "multicast",
            format!("cannot be sent on {name}: {error}"),
            "let UDP to 224.0.0.251 port 5353 out in the firewall of this machine; until then servers are found by \
             probes alone",
        )
    } else if !echo.heard_ourselves {
        Step::bad(
            "multicast",
            format!("sent on {on}, but this machine does not hear it"),
            "let UDP port 5353 in in the firewall of this machine; until then servers are found by probes alone",
        )
    } else if echo.others.is_empty() {
        Step::odd(
            "multicast",
            format!("sent and heard here on {on}, but nobody else answers"),
            "either nobody else here speaks mDNS, or the network keeps multicast back (Wi-Fi with client isolation, \
             a switch with IGMP snooping, a firewall); servers are then found by probes, or named by hand",
        )
    } else {
        let others = echo.others.len();
        Step::ok("multicast", format!("sent on {on}; others heard: {others}"))
    };
    step.with("others", echo.others.len())
}

/// How long to listen: an answer may be held back by half a second (RFC 6762, section 6).
const LISTEN: Duration = Duration::from_millis(1000);
