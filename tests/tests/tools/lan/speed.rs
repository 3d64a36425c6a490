//! How soon a server is found and joined, and what it costs to be found, in figures.
#![allow(clippy::print_stdout)]

use std::{
    thread,
    time::{Duration, Instant},
};

use chat_testkit::needs::{Need, trial};
use libtest_mimic::Trial;

use super::{
    NETWORK,
    finding::{MULTICAST, PROBES},
    network::Host,
    on_a_network,
};

/// Measures, and so runs only when it is asked for.
pub(super) fn trials() -> Vec<Trial> {
    let measurement = trial("tools::lan::speed", &[NETWORK, Need::Tool("nft")], speed);
    vec![measurement.with_ignored_flag(true)]
}

/// `unshare` and two minutes are needed: `cargo test --release -p chat-tests --test tools -- --ignored lan::speed`.
fn speed() {
    for (ways, rules) in [("both", &[][..]), ("probe alone", &MULTICAST[..]), ("mDNS alone", &[PROBES])] {
        on_a_network(2, |network| {
            let _server = network.hosts[0].serve("office");
            rules.iter().for_each(|rule| network.hosts[1].block(rule).unwrap());
            let (mut found, mut joined): (Vec<_>, Vec<_>) =
                (0..RUNS).map(|_| join(&network.hosts[1])).unzip();
            found.sort_unstable();
            joined.sort_unstable();
            let (median, worst) = (RUNS / 2, RUNS - 1);
            println!(
                "{ways}: found after {:?}, at most {:?}; joined after {:?}, at most {:?}",
                found[median], found[worst], joined[median], joined[worst]
            );
        });
    }
    on_a_network(1, |network| {
        let server = network.hosts[0].serve("office");
        thread::sleep(SETTLED);
        let before = server.cpu();
        thread::sleep(IDLE);
        println!("announced and idle: {:?} of CPU in {IDLE:?}", server.cpu() - before);
    });
}

/// How long it takes from the start of `chat` until a server is found and answers, and until its lobby is entered.
fn join(host: &Host) -> (Duration, Duration) {
    thread::sleep(PAUSE);
    let begun = Instant::now();
    let mut chat = host.chat(&["--json", "--name", "ana"]);
    chat.expect("found", |it| (it["type"] == "found").then_some(()));
    let found = begun.elapsed();
    chat.expect("joined", |it| (it["type"] == "joined").then_some(()));
    (found, begun.elapsed())
}

const RUNS: usize = 20;
/// Who asks again within a second is not answered by mDNS (RFC 6762, section 6).
const PAUSE: Duration = Duration::from_millis(1200);
/// When everything that is said at the beginning has been said.
const SETTLED: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(60);
