//! Accounts: which addresses share one, and which are forgotten.

use std::time::{Duration, Instant};

use super::*;
use crate::{Rate, server::limits::Rates};

fn peer(host: &str, local: bool) -> Peer {
    Peer { address: format!("{host}:1"), host: host.to_owned(), local, identity: None }
}

fn same(a: &str, b: &str) -> bool {
    let (accounts, limits, now) = (Accounts::default(), Limits::default(), Instant::now());
    let open = |host| accounts.host(&peer(host, false), &limits, now);
    Arc::ptr_eq(&open(a), &open(b))
}

#[test]
fn an_address_of_ipv4_is_a_host_and_a_64_of_ipv6_is_one() {
    assert!(same("192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
    assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
    assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2") && !same("2001:db8:0:1::1", "2001:db8:0:2::1"));
    assert!(same("fe80::1", "fe80::2%eth0"));
    assert!(!same("a pipe", "another pipe"));
}

#[test]
fn a_shared_address_gets_as_much_as_sixteen_hosts_and_this_machine_all() {
    let shared_networks = vec!["10.1.0.0/16".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    let limits = Limits { shared_networks, ..Limits::default() };
    let (accounts, now) = (Accounts::default(), Instant::now());
    let burst = |host, local| {
        let account = accounts.host(&peer(host, local), &limits, now);
        (0..20_000).take_while(|_| account.spend(&limits, &[(Kind::Messages, 1)], now).is_ok()).count()
    };
    assert_eq!(burst("10.2.0.1", false), 600);
    assert_eq!(burst("10.1.9.9", false), 600 * 16);
    assert_eq!(burst("2001:db8:5::1", false), 600 * 16);
    assert_eq!(burst("127.0.0.1", true), 20_000);
}

#[test]
fn what_does_not_fit_costs_nothing() {
    let (accounts, limits, now) = (Accounts::default(), Limits::default(), Instant::now());
    let host = accounts.host(&peer("192.0.2.1", false), &limits, now);
    let name = PersonName::parse("ana").unwrap();
    let payers = Payers { host, person: accounts.person(&name, None, now) };
    let costs = [(Kind::Messages, 1), (Kind::BytesSaid, 1 << 20)];
    assert!(payers.spend(&limits, &costs, now).is_ok());
    for _ in 0..100 {
        assert!(payers.spend(&limits, &costs, now).is_err());
    }
    for _ in 0..19 {
        assert!(
            payers.spend(&limits, &[(Kind::Messages, 1)], now).is_ok(),
            "the refused ones took no message"
        );
    }
    let spent = payers.spend(&limits, &[(Kind::Messages, 1)], now).unwrap_err();
    assert_eq!((spent.kind, spent.of, spent.wait), (Kind::Messages, Of::Person, Duration::from_millis(200)));
}

#[test]
fn what_was_charged_afterwards_is_waited_for() {
    let rate = Some(Rate { burst: 1000, per_minute: 60_000 });
    let host = Rates { bytes_read: rate, ..Rates::default() };
    let limits = Limits { host, ..Limits::default() };
    let (accounts, now) = (Accounts::default(), Instant::now());
    let account = accounts.host(&peer("192.0.2.1", false), &limits, now);
    account.charge(&limits, Kind::BytesRead, 3000, now);
    assert_eq!(account.wait(&limits, Kind::BytesRead, now), Duration::from_millis(2001));
    assert!(account.wait(&limits, Kind::BytesRead, now + Duration::from_millis(2001)).is_zero());
}

#[test]
fn accounts_that_are_full_again_are_forgotten_and_those_in_use_are_not() {
    let (accounts, limits, now) = (Accounts::default(), Limits::default(), Instant::now());
    let here = accounts.host(&peer("192.0.2.1", false), &limits, now);
    let spend = |n: u64, now| {
        let account = accounts.host(&peer(&format!("host {n}"), false), &limits, now);
        account.spend(&limits, &[(Kind::Messages, 1)], now).unwrap();
    };
    for n in 0..300_000 {
        spend(n, now + Duration::from_millis(n));
    }
    let held = lock(&accounts.held).len();
    assert!(held < 1000, "one message comes back in 33 ms: {held}");
    for n in 0..200_000 {
        spend(n, now + Duration::from_secs(1000));
    }
    let held = lock(&accounts.held).len();
    assert!(held <= MAX_ACCOUNTS, "also those that are not full have a bound: {held}");
    assert!(Arc::ptr_eq(&here, &accounts.host(&peer("192.0.2.1", false), &limits, now)));
}
