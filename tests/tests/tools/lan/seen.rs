//! What others see of a server: Avahi, the usual mDNS of Linux.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use chat_testkit::needs::Need;
use libtest_mimic::Trial;

use super::{NETWORK, network::Host, on_a_network};
use crate::harness::{PATIENCE, Process, Server, eventually};

/// The tests of this module and what they need.
pub(super) fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[NETWORK, Need::Tool("dbus-daemon"), Need::Tool("avahi-daemon"), Need::Tool("avahi-browse")] => {
            avahi_sees_a_server_its_rooms_and_its_end,
            servers_of_one_name_are_both_seen,
        }
    }
}

/// Avahi with a bus of its own, on one machine.
struct Avahi<'a> {
    host: &'a Host,
    _processes: [Process; 2],
}

impl Avahi<'_> {
    fn start(host: &Host) -> Avahi<'_> {
        host.run(&["sh", "-c", PREPARE]).unwrap();
        let bus = ["--config-file=/run/bus.conf", "--nofork", "--nopidfile", "--print-address"];
        let mut bus = Process::run(host.command("dbus-daemon").args(bus));
        assert!(bus.line().starts_with("unix:"));
        let args = ["--no-drop-root", "--no-chroot", "--no-rlimits", "--file=/dev/null"];
        let daemon = Process::run(host.command("avahi-daemon").args(args));
        eventually("Avahi is there", PATIENCE, || daemon.errors().contains("startup complete").then_some(()));
        Avahi { host, _processes: [bus, daemon] }
    }

    /// What `avahi-browse` resolves.
    fn browse(&self, kind: &str) -> Vec<String> {
        let said =
            self.host.run(&["timeout", "20", "avahi-browse", "--resolve", "--terminate", "--parsable", kind]);
        said.unwrap().lines().filter(|it| it.starts_with('=')).map(str::to_owned).collect()
    }

    fn browse_until(&self, what: &str, seen: impl Fn(&[String]) -> bool) {
        eventually(what, Duration::from_secs(30), || seen(&self.browse("_chat._tcp")).then_some(()));
    }
}

const PREPARE: &str = r#"mkdir -p /run/dbus /run/avahi-daemon && cat > /run/bus.conf <<'END'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
END"#;

/// protocol 18.2, protocol 18.3, protocol 18.4
fn avahi_sees_a_server_its_rooms_and_its_end() {
    on_a_network(2, |network| {
        let avahi = Avahi::start(&network.hosts[1]);
        let server: Server = network.hosts[0].serve("room 3.1");
        avahi.browse_until("it is seen", |lines| lines.len() == 1);
        for (kind, label) in [("_chat._tcp", "tcp"), ("_chat._udp", "udp")] {
            let lines = avahi.browse(kind);
            assert_eq!(lines.len(), 1, "{lines:?}");
            for part in
                [label, "10.77.0.1", ";7000;", "\"name=room 3.1\"", "\"rooms=0\"", "\"protocol=1\"", "\"id="]
            {
                assert!(lines[0].contains(part), "{part}: {lines:?}");
            }
        }
        let mut ana =
            network.hosts[0].chat(&["send", "127.0.0.1", "--room", "kitchen", "--name", "ana", "hi"]);
        ana.end_input();
        assert!(ana.exit(PATIENCE).0.success());
        avahi.browse_until("a room is seen", |lines| lines.len() == 1 && lines[0].contains("\"rooms=1\""));
        server.signal(Signal::SIGTERM);
        assert!(server.exit(PATIENCE).success());
        let begun = Instant::now();
        avahi.browse_until("it said goodbye", |lines| lines.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(20), "it would have been forgotten after two minutes");
    });
}

fn servers_of_one_name_are_both_seen() {
    on_a_network(3, |network| {
        let _servers = [network.hosts[0].serve("my.office"), network.hosts[1].serve("my.office")];
        let avahi = Avahi::start(&network.hosts[2]);
        avahi.browse_until("both are seen", |lines| lines.len() == 2);
        let (status, lines, errors) = network.hosts[2].chat(&["discover"]).exit(PATIENCE);
        assert!(status.success(), "{errors}");
        assert!(lines.len() == 2 && lines.iter().all(|it| it.starts_with("my.office  ")), "{lines:?}");
    });
}
