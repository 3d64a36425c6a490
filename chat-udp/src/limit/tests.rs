//! Who is answered how often.

use std::{net::Ipv4Addr, time::Duration};

use super::*;

fn sender(number: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0x0a00_0000 + number), 5000).into()
}

/// Answers in `seconds` to senders that each ask 1,000 times a second.
fn answers(limit: &mut Limit, senders: &[SocketAddr], seconds: u64) -> usize {
    let began = Instant::now();
    let ask = |milli| senders.iter().map(move |sender| (*sender, began + Duration::from_millis(milli)));
    (0..seconds * 1000).flat_map(ask).filter(|(sender, at)| limit.allows(*sender, *at)).count()
}

/// protocol 15.13
#[test]
fn a_sender_gets_twenty_answers_at_once_and_then_twenty_a_second() {
    assert!((215..=222).contains(&answers(&mut Limit::new(7), &[sender(1)], 10)));
}

/// protocol 15.13
#[test]
fn all_senders_get_twenty_thousand_answers_a_second() {
    let senders: Vec<SocketAddr> = (0..10_000).map(sender).collect();
    let began = Instant::now();
    let mut limit = Limit::new(7);
    let at_once = (0..5).flat_map(|_| &senders).filter(|sender| limit.allows(**sender, began)).count();
    assert_eq!(at_once, 20_000);
    assert!(!limit.allows(sender(20_000), began));
    assert!(limit.allows(sender(20_000), began + Duration::from_millis(1)));
}

/// protocol 15.13: a guest and a colleague of theirs at the same address are answered while another machine sends 1,000
/// datagrams a second, or 15,000, that claim to come from that address.
#[test]
fn forged_senders_keep_nobody_out() {
    for rate in [1_000, 15_000] {
        let mut limit = Limit::new(7);
        let began = Instant::now();
        let mut rng = fastrand::Rng::with_seed(rate);
        for nth in 0..rate * 6 {
            let now = began
                + Duration::from_secs(6) * u32::try_from(nth).unwrap() / u32::try_from(rate * 6).unwrap();
            limit.allows((Ipv4Addr::new(10, 0, 0, 1), rng.u16(1..)).into(), now);
            if nth % (rate / 4) == 0 {
                for port in [40_001, 40_002] {
                    assert!(limit.allows((Ipv4Addr::new(10, 0, 0, 1), port).into(), now), "{nth}");
                }
            }
        }
    }
}

/// protocol 15.13: the addresses of one network of IPv6 are one host, and those of a link are not.
#[test]
fn a_network_of_64_bits_is_one_host() {
    let mut limit = Limit::new(7);
    let began = Instant::now();
    let mut answered = |network: u128| {
        let from = |nth: u128| SocketAddr::new(IpAddr::V6((network | nth).into()), 5000);
        (0..100).filter(|nth| limit.allows(from(*nth), began)).count()
    };
    assert_eq!(answered(0x2001_0db8 << 96), 20);
    assert_eq!(answered(0x2001_0db8_0000_0001 << 64), 20, "another network");
    assert_eq!(answered(0xfe80 << 112), 100);
}

/// protocol 15.13
#[test]
fn this_machine_is_not_limited() {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 5000));
    assert_eq!(answers(&mut Limit::new(7), &[here; 3], 10), 30_000);
}
