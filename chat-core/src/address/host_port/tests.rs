//! How addresses are written.

use super::*;

fn parse(address: &str) -> Result<(String, u16), String> {
    let host = HostPort::parse(&address.parse().unwrap()).map_err(|error| error.to_string())?;
    Ok((host.host, host.port))
}

#[test]
fn hosts_and_ports_are_read() {
    for (address, host, port) in [
        ("tcp://192.168.1.7:7001", "192.168.1.7", 7001),
        ("tcp://192.168.1.7", "192.168.1.7", 7000),
        ("tcp://[::1]:0", "::1", 0),
        ("tcp://[::]", "::", 7000),
        ("tcp://[fe80::1%eth0]:7002", "fe80::1%eth0", 7002),
        ("tcp://chat.example:7003/", "chat.example", 7003),
    ] {
        assert_eq!(parse(address), Ok((host.to_owned(), port)), "{address}");
    }
}

#[test]
fn what_is_no_host_and_port_is_said_so() {
    for address in [
        "tcp://:7000",
        "tcp://::1:7000",
        "tcp://[::1",
        "tcp://[::1]7000",
        "tcp://[lobby]:7000",
        "tcp://host:",
        "tcp://host:http",
        "tcp://host:+80",
        "tcp://host:65536",
        "tcp://ana@host:7000",
        "tcp://host:7000/room",
        "tcp:///",
    ] {
        let refused = parse(address).expect_err(address);
        assert!(refused.starts_with(&format!("{address} does not name a host and port")), "{refused}");
    }
}

#[test]
fn the_hint_is_of_the_same_scheme() {
    let refused = parse("udp://host:http").unwrap_err();
    assert!(refused.contains("like udp://192.168.1.7:7000 or udp://[fe80::1]:7000"), "{refused}");
    assert!(!refused.contains("tcp"), "{refused}");
}

/// RFC 8305, section 4
#[test]
fn both_families_are_tried_by_turns() {
    let parse =
        |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    let found = parse(&["[fd00::1]:1", "[fd00::2]:1", "[fd00::3]:1", "10.0.0.1:1", "10.0.0.2:1"]);
    let tried = parse(&["[fd00::1]:1", "10.0.0.1:1", "[fd00::2]:1", "10.0.0.2:1", "[fd00::3]:1"]);
    assert_eq!(by_turns(found), tried);
    assert_eq!(by_turns(parse(&["10.0.0.1:1"])), parse(&["10.0.0.1:1"]));
}
