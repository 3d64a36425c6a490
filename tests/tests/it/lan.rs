//! Servers that are found, and hosted where there is none: real programs on networks of their own.

mod doctor;
mod finding;
mod hostile_servers;
mod hosting;
mod network;
mod seen;
mod speed;

use std::sync::{Mutex, PoisonError};

use network::Network;

/// Runs `test` on a network of `hosts` machines, where one can be made and has all of `tools`.
#[allow(clippy::print_stdout, reason = "who reads the tests' output learns what they could not do")]
fn on_a_network(hosts: usize, tools: &[&str], test: impl FnOnce(&Network)) {
    // One at a time: whoever looks waits for others for a quarter of a second, which a busy machine may need.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    match Network::new(hosts) {
        Err(why) => println!("skipped: needs root and iproute2 ({why})"),
        Ok(network) => match tools.iter().find(|it| network.hosts[0].run(&["which", it]).is_err()) {
            Some(tool) => println!("skipped: needs {tool}"),
            None => test(&network),
        },
    }
}
