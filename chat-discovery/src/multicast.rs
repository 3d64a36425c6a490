//! Checks whether multicast works: sends one question to all mDNS responders, and listens for answers.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use chat_core::SharedRuntime;
use futures::{FutureExt, StreamExt, select_biased, stream};

use crate::{
    interfaces::{self, Interface},
    net::{self, ProbeSocket},
};

/// The result of the check.
#[derive(Debug, Default)]
pub struct Echo {
    /// The names of the interfaces on which the question was sent.
    pub sent: Vec<String>,
    /// The interfaces on which it could not be sent, and why.
    pub failed: Vec<(String, io::Error)>,
    /// Whether this machine received its own question.
    pub heard_ourselves: bool,
    /// The other machines from which datagrams came.
    pub others: BTreeSet<IpAddr>,
}

/// The name of an interface and its IPv4 address; `None` for loopback and IPv6.
fn outside(interface: &Interface) -> Option<(&str, Ipv4Addr)> {
    match interface.ip {
        IpAddr::V4(ip) if !ip.is_loopback() => Some((&interface.name, ip)),
        _ => None,
    }
}

/// Asks on every IPv4 network of this machine which services there are (RFC 6763, section 9), and listens for `time`. A
/// machine without such a network sends nothing, which is no error.
///
/// # Errors
/// When this machine cannot listen on the port of mDNS.
pub async fn echo(runtime: &SharedRuntime, time: Duration) -> io::Result<Echo> {
    let own = interfaces::list()?;
    let mut echo = Echo::default();
    let outside: Vec<_> = own.iter().filter_map(outside).collect();
    if outside.is_empty() {
        return Ok(echo);
    }
    // One socket cannot listen on any number of networks.
    let mut sockets = Vec::new();
    for networks in outside.chunks(net::networks_of_a_socket()).take(MAX_SOCKETS) {
        let socket = net::multicast()?;
        for (name, ip) in networks {
            let sent = async {
                net::leave_by(&socket, *ip)?;
                socket.send_to(QUESTION, net::MDNS).await
            };
            match sent.await {
                Ok(_) => echo.sent.push((*name).to_owned()),
                Err(error) => echo.failed.push(((*name).to_owned(), error)),
            }
        }
        sockets.push(socket);
    }
    let mut enough = runtime.sleep_until(runtime.now() + time).fuse();
    let hear = |socket| {
        stream::unfold(socket, async |socket: ProbeSocket| {
            let mut buffer = [0; 9000];
            let came = socket.recv_from(&mut buffer).await;
            Some((came.map(|(_, from)| from), socket))
        })
        .boxed()
    };
    let mut heard = stream::select_all(sockets.into_iter().map(hear));
    loop {
        let from = select_biased! {
            () = enough => return Ok(echo),
            from = heard.select_next_some() => from?,
        };
        if own.iter().any(|it| it.ip == from.ip()) {
            echo.heard_ourselves = true;
        } else if echo.others.len() < MOST_OTHERS {
            echo.others.insert(from.ip());
        }
    }
}

/// `_services._dns-sd._udp.local PTR?`
const QUESTION: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0c\0\x01";

/// How many sockets listen; further networks are not tried.
const MAX_SOCKETS: usize = 8;

/// How many other machines are remembered.
const MOST_OTHERS: usize = 1000;
