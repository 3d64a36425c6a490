//! The check of what a network does to large messages over UDP: in parts and in one datagram, in both directions.

use std::net::SocketAddr;

use chat_core::{Address, SharedRuntime, wire::MAX_FRAME};
use chat_udp::Udp;

use crate::place::is_loopback;

use super::{
    mtu::path_mtu,
    probe_session::{Credentials, Echo, PING_BYTES, ProbeSession},
    report::Step,
    server::PONG_WITHIN,
};

/// What becomes of a large message that is one datagram each way; `None` if there is no session without header. Such a session
/// is not encrypted, so the password is sent to this machine only.
pub(super) async fn in_one_piece(
    address: &Address,
    credentials: &Credentials,
    runtime: &SharedRuntime,
) -> Option<Echo> {
    let transport = Udp::new(runtime.clone()).without_header();
    let password = credentials.password.clone().filter(|_| is_loopback(address));
    let credentials = Credentials { name: format!("{}-whole", credentials.name), password };
    let mut session = ProbeSession::open(&transport, address, &credentials, runtime.clone()).await.ok()?;
    let echo = session.echo(LARGE, TRIES, PONG_WITHIN).await;
    session.leave().await;
    echo
}

/// Finds the largest frame that gets to the server, and sends a large message there and back. Over UDP frames of any size go
/// in datagrams of at most 1,200 bytes; `whole` says what became of a message that did not.
pub(super) async fn datagram(
    session: &mut ProbeSession,
    whole: Option<Echo>,
    to: Option<SocketAddr>,
) -> Step {
    let (fits, is_limited) = largest_frame(session).await;
    let parts = match fits > LARGE {
        true => session.echo(LARGE, TRIES, PONG_WITHIN).await,
        false => None,
    };
    let step = if is_limited {
        Step::odd(
            "datagram",
            format!("frames of up to some {fits} bytes"),
            format!(
                "messages of more than {fits} bytes are lost over UDP: a firewall or VPN on the path drops datagrams of \
                 ordinary size; use tcp:// for long messages"
            ),
        )
    } else if parts.is_some_and(|parts| !parts.came_back) {
        Step::odd(
            "datagram",
            "large messages reach the server, but do not come back",
            "a firewall or VPN on the path drops datagrams of ordinary size from the server; use tcp:// for long messages",
        )
    } else if let Some(failure) = whole.and_then(failure) {
        Step::odd(
            "datagram",
            format!(
                "frames of up to {fits} bytes get through in parts of at most 1,200 bytes; as one datagram, a message of \
                 {LARGE} bytes {failure}"
            ),
            "the network drops fragments of IP. `chat` does not need them; a client of your own that sends datagrams \
             without header needs tcp:// for messages of more than 1,200 bytes",
        )
    } else {
        let also = if whole.is_some() { "; in both directions, in parts and as one datagram" } else { "" };
        Step::ok("datagram", format!("frames of up to {fits} bytes, the largest there are{also}"))
    };
    let mut step = step.with("largest_frame", fits);
    if let Some(parts) = parts {
        step = step.with("parts_come_back", parts.came_back);
    }
    if let Some(whole) = whole {
        step = step.with("whole_reaches_server", whole.reached).with("whole_comes_back", whole.came_back);
    }
    to.and_then(path_mtu).into_iter().fold(step, |step, mtu| step.with("path_mtu", mtu))
}

fn failure(whole: Echo) -> Option<&'static str> {
    match (whole.reached, whole.came_back) {
        (_, true) => None,
        (true, false) => Some("reaches the server, but none comes from there"),
        (false, false) => Some("does not reach the server"),
    }
}

/// The largest frame that gets to the server, in bytes, and whether larger ones do not.
async fn largest_frame(session: &mut ProbeSession) -> (usize, bool) {
    let (mut fits, mut fails) = (PING_BYTES, None);
    for size in SIZES {
        if !gets_through(session, size).await {
            fails = Some(size);
            break;
        }
        fits = size;
    }
    while let Some(largest) = fails.filter(|size| size - fits > CLOSE_ENOUGH) {
        let middle = fits.midpoint(largest);
        match gets_through(session, middle).await {
            true => fits = middle,
            false => fails = Some(middle),
        }
    }
    (fits, fails.is_some())
}

async fn gets_through(session: &mut ProbeSession, size: usize) -> bool {
    for _ in 0..TRIES {
        if session.ping(size - PING_BYTES, PONG_WITHIN).await.is_some() {
            return true;
        }
    }
    false
}

/// The length of the message that is sent there and back, in bytes: nearly as long as messages may be.
const LARGE: usize = 8000;
/// The frame sizes to try, in bytes: around usual limits.
const SIZES: [usize; 9] = [512, 1200, 1400, 2048, 4096, 8400, 16_384, 32_768, MAX_FRAME];
/// The precision of the limit, in bytes.
const CLOSE_ENOUGH: usize = 32;
/// How many times a frame of one size is sent before that size counts as lost.
const TRIES: usize = 3;
