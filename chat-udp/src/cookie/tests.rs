//! For whom a cookie is good, and for how long.

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// protocol 15.9
#[test]
fn a_cookie_is_good_for_its_address_alone() {
    let now = Instant::now();
    let cookies = Cookies::new(now, 7);
    let cookie = cookies.of(address("192.168.1.7:4000"));
    assert!(cookies.is_good(cookie, address("192.168.1.7:4000")));
    for other in ["192.168.1.7:4001", "192.168.1.8:4000", "[::ffff:c0a8:107]:4000", "[::1]:4000"] {
        assert!(!cookies.is_good(cookie, address(other)), "{other}");
    }
    for other in [0, 7, cookie ^ 1, cookie.swap_bytes()] {
        assert!(!cookies.is_good(other, address("192.168.1.7:4000")), "{other}");
    }
    assert!(!Cookies::new(now, 8).is_good(cookie, address("192.168.1.7:4000")), "another server's");
}

/// protocol 15.9
#[test]
fn a_cookie_outlives_one_secret_and_not_two() {
    let (began, ana) = (Instant::now(), address("192.168.1.7:4000"));
    let after = |seconds: u64| began + Duration::from_secs(seconds);
    let mut cookies = Cookies::new(began, 0);
    let first = cookies.of(ana);
    for (now, good) in [(29, true), (30, true), (59, true), (60, false), (61, false)] {
        cookies.rotate(after(now), || u128::from(now));
        assert_eq!(cookies.is_good(first, ana), good, "after {now} s");
    }
    assert_ne!(cookies.of(ana), first);
}

#[test]
fn after_a_long_silence_no_old_cookie_is_good() {
    let (began, ana) = (Instant::now(), address("192.168.1.7:4000"));
    let mut cookies = Cookies::new(began, 0);
    let first = cookies.of(ana);
    cookies.rotate(began + Duration::from_secs(60), || 1);
    assert!(!cookies.is_good(first, ana), "the secret was not replaced in time, as nobody came");
}
