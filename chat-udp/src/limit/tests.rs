//! Who is answered how often.

use std::{net::Ipv4Addr, time::Duration};

use super::*;

fn host(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

/// Answers in `seconds` to hosts that each ask 1,000 times a second.
fn answers(limit: &mut Limit, hosts: &[IpAddr], seconds: u64) -> usize {
    let began = Instant::now();
    let ask = |milli| hosts.iter().map(move |host| (*host, began + Duration::from_millis(milli)));
    (0..seconds * 1000).flat_map(ask).filter(|(host, at)| limit.allows(*host, *at)).count()
}

/// protocol 15.13
#[test]
fn a_host_gets_an_office_of_answers_and_then_twenty_a_second() {
    assert!((318..=328).contains(&answers(&mut Limit::new(7), &[host(1)], 10)));
}

/// protocol 15.13
#[test]
fn all_hosts_get_a_thousand_answers_a_second() {
    let hosts: Vec<IpAddr> = (0..100).map(host).collect();
    assert!((10_900..=11_000).contains(&answers(&mut Limit::new(7), &hosts, 10)));
}

/// protocol 15.13
#[test]
fn this_machine_is_not_limited() {
    assert_eq!(answers(&mut Limit::new(7), &[Ipv4Addr::LOCALHOST.into(); 3], 10), 30_000);
}

#[test]
fn the_table_is_small_and_does_not_grow() {
    let mut limit = Limit::new(7);
    let size = |limit: &Limit| size_of_val(&*limit.hosts);
    let before = size(&limit);
    assert!(before <= 1 << 20, "{before} bytes");
    let now = Instant::now();
    for number in 0..100_000 {
        limit.allows(host(number), now);
    }
    assert_eq!(size(&limit), before);
}
