//! How often senders that have not proved their address are answered. The table has a fixed size.

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use chat_core::{Bucket, BucketTable, Rate};

/// Token buckets for senders, and one for all of them together. The port belongs to the sender: an answer is never larger
/// than what it answers, so nobody gains by forging addresses, and a sender that forges the address of a guest to use up
/// the guest's bucket has to guess the port.
#[derive(Debug)]
pub(crate) struct Limit {
    senders: BucketTable,
    all: Bucket,
}

impl Limit {
    pub(crate) fn new(secret: u128) -> Limit {
        Limit { senders: BucketTable::new(PER_SENDER, PLACES, secret), all: Bucket::new(Some(IN_ALL)) }
    }

    /// Whether `sender` may get one more answer. Loopback is exempt: no other machine can send from those addresses.
    pub(crate) fn allows(&mut self, sender: SocketAddr, now: Instant) -> bool {
        let host = host(sender.ip());
        sender.ip().is_loopback()
            || (self.senders.of((host, sender.port())).take(now).is_ok() && self.all.take(now).is_ok())
    }
}

/// The host that has `ip`: a network of IPv6 with 64 bits is given to one host, which may use all its addresses.
fn host(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) if !v6.is_unicast_link_local() => {
            IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into())
        }
        _ => ip,
    }
}

/// The answers for one sender. A client that opens a link needs one or two.
const PER_SENDER: Rate = Rate { burst: 20, per_minute: 20 * 60 };

/// The answers for all senders together: a tenth of a processor.
const IN_ALL: Rate = Rate { burst: 20_000, per_minute: 20_000 * 60 };

/// Buckets for senders: enough that even [`IN_ALL`] forged senders a second leave each bucket most of its tokens.
const PLACES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
