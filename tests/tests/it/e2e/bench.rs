//! `chat bench`: a load that is small, on real servers; what it prints, and how it exits.

use std::{process::Command, time::Duration};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::harness::{Process, Server, eventually, program};

/// For a load of a second or less.
const SOON: Duration = Duration::from_secs(60);

/// `chat bench` with words between spaces.
fn bench(url: &str, args: &str) -> Process {
    Process::chat(["bench", url].into_iter().chain(args.split_whitespace()))
}

#[test]
fn figures_are_printed_as_json_over_every_transport() {
    let server = Server::at(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"], &["--unlimited"]);
    let (tcp, udp) = (server.url().to_owned(), format!("udp://127.0.0.1:{}", server.udp_port()));
    for (url, scheme) in [(&tcp, "tcp"), (&udp, "udp")] {
        for (pace, said, from) in
            [("--rate 200 --senders 4", 200, "due"), ("--window 4 --senders 4", 100, "said")]
        {
            let args = format!(
                "--clients 12 --rooms 2 {pace} --messages {said} --size 30..90 --pid {} --json",
                server.pid()
            );
            let (status, lines, errors) = bench(url, &args).exit(SOON);
            assert_eq!(status.code(), Some(0), "{url} {args}: {errors}");
            assert_eq!(lines.len(), 1, "{lines:?}");
            let figures: Value = serde_json::from_str(&lines[0]).expect("it is JSON");
            let number =
                |name: &str| figures[name].as_u64().unwrap_or_else(|| panic!("no {name}: {figures}"));
            assert_eq!((&figures["transport"], &figures["latency_from"]), (&scheme.into(), &from.into()));
            assert_eq!((number("joined"), number("clients"), number("said")), (12, 12, said), "{figures}");
            assert_eq!((number("delivered"), number("expected")), (said * 6, said * 6), "{figures}");
            assert_eq!((number("lost"), number("duplicated"), number("reordered")), (0, 0, 0), "{figures}");
            assert_eq!(figures["latency"]["count"].as_u64(), Some(said * 6), "{figures}");
            let bytes = number("delivered_bytes");
            assert!((said * 6 * 30..=said * 6 * 90).contains(&bytes), "{bytes}");
            assert!(figures["server_cost"]["cpu_us_per_delivery"].as_f64() > Some(0.0), "{figures}");
            assert!(figures["generator_cost"]["cpu_us"].as_u64() > Some(0), "{figures}");
            assert!(figures["server_memory"]["before"].as_u64() > Some(1 << 20), "{figures}");
        }
    }
}

#[test]
fn people_read_a_table_and_how_far_it_is() {
    let server = Server::start(&["--unlimited"]);
    let args = format!("--clients 8 --rate 50 --warmup 0s --duration 4s --pid {}", server.pid());
    let (status, lines, errors) = bench(server.url(), &args).exit(SOON);
    let table = lines.join("\n");
    assert_eq!(status.code(), Some(0), "{errors}");
    for part in [
        "8 clients in 1 room, of which 8 send 50 messages a second, 100 bytes each over tcp",
        "joined     8 in ",
        "sent       200 messages",
        "delivered  1,600 messages, 156 KiB of text; ",
        " p99.9 ",
        "(one way, from when it was due)",
        "0 lost, 0 twice, 0 out of order",
        "CPU a delivery",
        " with all clients (",
    ] {
        assert!(table.contains(part), "{part:?} is not in\n{table}");
    }
    assert!(errors.contains(" sent, ") && errors.contains(" delivered, "), "{errors}");
}

#[test]
fn silence_is_measured_too() {
    let server = Server::start(&[]);
    let args = format!("--clients 50 --idle --duration 500ms --ramp 500 --pid {}", server.pid());
    let (status, lines, errors) = bench(server.url(), &args).exit(SOON);
    let table = lines.join("\n");
    assert_eq!(status.code(), Some(0), "{errors}");
    assert!(table.contains("50 clients in 1 room, none of which sends anything"), "{table}");
    assert!(table.contains("joined     50 in ") && table.contains("% of a core"), "{table}");
    assert!(!table.contains("latency") && !table.contains("delivery"), "{table}");
}

#[test]
fn what_makes_no_sense_is_named_and_ends_with_2() {
    for (args, flag) in [
        ("--clients 0", "--clients"),
        ("--clients many", "--clients"),
        ("--clients 5 --rooms 6", "--rooms"),
        ("--clients 5 --senders 6", "--senders"),
        ("--rate 0", "--rate"),
        ("--rate 5 --window 5", "--window"),
        ("--rate 5 --idle", "--idle"),
        ("--window 0", "--window"),
        ("--size 10", "--size"),
        ("--size 90..30", "--size"),
        ("--size long", "--size"),
        ("--duration 1", "--duration"),
        ("--duration 0s", "--duration"),
        ("--messages 0", "--messages"),
        ("--messages 5 --duration 5s", "--messages"),
        ("--idle --messages 5", "--messages"),
        ("--warmup 90000s", "--warmup"),
        ("--ramp 0", "--ramp"),
        ("--pid 4294967295", "--pid"),
    ] {
        let (status, lines, errors) = bench("127.0.0.1:1", args).exit(SOON);
        assert_eq!((status.code(), lines.len()), (Some(2), 0), "{args}: {errors}");
        assert!(errors.contains(flag), "{args}: {errors}");
    }
    let (status, _, errors) = bench("carrier-pigeon://loft", "").exit(SOON);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("URL") && errors.contains("carrier-pigeon"), "{errors}");
}

#[test]
fn ended_early_it_says_what_it_has() {
    let server = Server::start(&["--unlimited"]);
    let process = bench(server.url(), "--clients 10 --rate 100 --duration 3600s");
    eventually("something is delivered", SOON, || process.errors().contains(" delivered, ").then_some(()));
    process.signal(Signal::SIGINT);
    let (status, lines, errors) = process.exit(SOON);
    let table = lines.join("\n");
    assert_eq!(status.code(), Some(130), "{errors}");
    assert!(table.contains("joined     10 in ") && table.contains("latency    p50 "), "{table}");
    assert!(table.contains("0 lost, 0 twice") && table.contains("The load was ended early."), "{table}");
}

#[test]
fn a_server_that_is_lost_is_said() {
    let server = Server::start(&["--unlimited"]);
    let process = bench(server.url(), "--clients 10 --rate 100 --duration 3600s");
    eventually("something is delivered", SOON, || process.errors().contains(" delivered, ").then_some(()));
    server.signal(Signal::SIGKILL);
    let (status, lines, errors) = process.exit(SOON);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("chat: links were lost: 10, the reason of the first: "), "{errors}");
    assert!(lines.join("\n").contains("latency    p50 "), "what was measured is there: {lines:?}");
}

#[test]
fn where_nobody_is_let_in_it_says_why() {
    let (status, lines, errors) = bench("127.0.0.1:1", "").exit(SOON);
    assert_eq!((status.code(), lines.len()), (Some(1), 0));
    assert!(errors.contains("could not join: ") && errors.lines().count() == 1, "{errors}");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret.txt");
    std::fs::write(&file, "open sesame\n").expect("it can be written");
    let file = file.to_str().expect("a plain path");
    let server =
        Server::at(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"], &["--unlimited", "--password-file", file]);
    for url in [server.url().to_owned(), format!("udp://127.0.0.1:{}", server.udp_port())] {
        let (status, _, errors) = bench(&url, "--clients 3").exit(SOON);
        assert_eq!(status.code(), Some(1));
        assert!(errors.contains("could not join: ") && errors.contains("password"), "{errors}");
        let args = format!("--clients 3 --rate 100 --messages 10 --password-file {file}");
        let (status, _, errors) = bench(&url, &args).exit(SOON);
        assert_eq!(status.code(), Some(0), "{errors}");
    }
}

#[test]
fn too_few_open_files_are_known_before_it_starts() {
    let mut command = Command::new("sh");
    let script = "ulimit -n 100; exec \"$0\" bench 127.0.0.1:1 --clients 200";
    let (status, _, errors) = Process::run(command.args(["-c", script]).arg(program())).exit(SOON);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("this system allows 100") && errors.contains("ulimit -n 232"), "{errors}");
}
