//! Servers that are found, and hosted where there is none: real programs on networks of their own.

mod doctor;
mod finding;
mod hostile_servers;
mod hosting;
mod network;
mod seen;
mod speed;

use std::sync::{Mutex, OnceLock, PoisonError};

use chat_testkit::needs::Need;
use libtest_mimic::Trial;
use network::Network;

/// All tests on networks of our own.
pub fn trials() -> Vec<Trial> {
    let parts = [
        doctor::trials(),
        finding::trials(),
        hostile_servers::trials(),
        hosting::trials(),
        seen::trials(),
        speed::trials(),
    ];
    parts.into_iter().flatten().collect()
}

/// A network of our own can be made: `unshare`, `nsenter`, `ip` and root are there.
const NETWORK: Need = Need::Other("network namespaces, which need root and iproute2", || {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    TRIED.get_or_init(|| Network::new(1).map(drop)).clone()
});

/// Runs `test` on a network of `hosts` machines.
fn on_a_network(hosts: usize, test: impl FnOnce(&Network)) {
    // One at a time: a program that looks for servers waits a quarter of a second for answers, which a busy machine needs.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    test(&Network::new(hosts).unwrap_or_else(|why| panic!("no network can be made any more: {why}")));
}
