//! Comparisons that succeed: their figures, files and verdicts.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::*;
use crate::process::{Started, read_to};

const SMALL: &[&str] = &["--people", "4", "--rate", "40"];

fn rounds(report: &Value) -> &Vec<Value> {
    report["rounds"].as_array().unwrap()
}

/// The figures of a contestant in its first round.
fn of<'a>(report: &'a Value, name: &str) -> &'a Value {
    let contestants = report["contestants"].as_array().unwrap();
    let nth = contestants.iter().position(|it| it["name"] == name).unwrap();
    let round = rounds(report).iter().find(|it| it["contestant"] == nth).unwrap();
    let figures = &round["outcome"]["Ok"];
    assert!(figures.is_object(), "{name}: {round}");
    figures
}

fn names(report: &Value) -> Vec<&str> {
    report["contestants"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect()
}

fn number(of: &Value) -> u64 {
    of.as_u64().unwrap_or_else(|| panic!("{of} is a number"))
}

pub(crate) fn all() {
    let folder = tempfile::tempdir().unwrap();
    let (html, csv) = (folder.path().join("page.html"), folder.path().join("figures.csv"));
    let files = ["--html", html.to_str().unwrap(), "--csv", csv.to_str().unwrap()];
    let who = [
        "--lasts",
        "800ms",
        "--contestants",
        "tcp,tcp-nagle,udp-raw,udp,third",
        "--condition",
        "delay=5ms,loss=3%",
    ];
    let (report, printed) = compared(&[SMALL, &files, &who].concat(), folder.path());
    assert_eq!(names(&report), ["tcp", "tcp-nagle", "udp-raw", "udp", "third"]);
    assert_eq!(report["link"], "emulated");
    let said: BTreeSet<u64> = names(&report).iter().map(|it| number(&of(&report, it)["said"])).collect();
    assert_eq!(said.len(), 1, "all contestants have the same conversation: {said:?}");
    for name in names(&report) {
        let figures = of(&report, name);
        let (expected, delivered) = (number(&figures["expected"]), number(&figures["delivered"]));
        assert!(expected > 20 && (name == "udp-raw" || delivered == expected), "{name}: {figures}");
        assert_eq!(figures["duplicated"], 0, "{name}");
        let p50 = number(&figures["latency"]["p50_us"]);
        assert!((10_000..500_000).contains(&p50), "{name}: twice 5 ms at least, but {p50} us");
        let wire = &figures["wire"];
        assert!(number(&wire["up"]["packets"]) > 0 && number(&wire["down"]["bytes"]) > 0, "{name}: {wire}");
        assert_eq!(wire["missed"], 0, "{name}");
        assert!(number(&figures["cpu"]["server_us"]) > 0 && number(&figures["cpu"]["clients_us"]) > 0);
        assert!(figures["stalls"].is_object() && figures["recovery"].is_null(), "{name}");
        assert!(number(&figures["join"]["took"]["p50_us"]) > 10_000, "{name}: a round trip at least");
        assert!(printed.contains(name), "{printed}");
    }
    assert!(of(&report, "udp")["before_repair"].is_object() && of(&report, "tcp")["before_repair"].is_null());
    assert!(printed.contains("udp-raw loses") || number(&of(&report, "udp-raw")["lost"]) == 0, "{printed}");
    assert!(printed.contains("delivers everything") && printed.contains("seed"), "{printed}");
    assert!(fs::read_to_string(html).unwrap().contains("</html>"));
    assert_eq!(fs::read_to_string(csv).unwrap().lines().count(), 6, "a head and five rounds");
}

pub(crate) fn repeated() {
    let folder = tempfile::tempdir().unwrap();
    let twice = ["--repeat", "2", "--condition", "delay=1ms", "--condition", "delay=1ms;delay=9ms"];
    let short = ["--lasts", "300ms", "--contestants", "tcp,udp", "--seed", "9"];
    let (report, printed) = compared(&[SMALL, &twice, &short].concat(), folder.path());
    let order: Vec<(u64, u64, u64, u64)> = rounds(&report)
        .iter()
        .map(|it| ["repetition", "condition", "contestant", "seed"].map(|what| number(&it[what])).into())
        .collect();
    let expected = [
        (0, 0, 0, 9),
        (0, 0, 1, 9),
        (0, 1, 1, 9),
        (0, 1, 0, 9),
        (1, 0, 1, 10),
        (1, 0, 0, 10),
        (1, 1, 0, 10),
        (1, 1, 1, 10),
    ];
    assert_eq!(order, expected, "contestants take turns in being first");
    assert_eq!(report["conditions"][1]["down"], "delay=9ms");
    let p50 = |nth: usize| number(&rounds(&report)[nth]["outcome"]["Ok"]["latency"]["p50_us"]);
    assert!((10_000..100_000).contains(&p50(2)), "1 ms there and 9 ms back: {}", p50(2));
    assert!(printed.contains('±'), "{printed}");
}

pub(crate) fn outage() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "--people",
        "4",
        "--rate",
        "60",
        "--burst",
        "1",
        "--lasts",
        "1500ms",
        "--contestants",
        "udp-raw,udp",
    ];
    let condition = ["--condition", "delay=5ms,outage=500ms@500ms"];
    let (report, printed) = compared(&[&args[..], &condition].concat(), folder.path());
    let (raw, repaired) = (of(&report, "udp-raw"), of(&report, "udp"));
    let share = number(&raw["lost"]) as f64 / number(&raw["expected"]) as f64;
    assert!((0.2..0.5).contains(&share), "a third of the time nothing passes: {share}");
    assert_eq!(repaired["lost"], 0);
    let recovery = &repaired["recovery"];
    assert_eq!(number(&recovery["count"]), 4, "each of four readers: {recovery}");
    assert!(
        number(&repaired["latency"]["max_us"]) > 400_000,
        "messages at the beginning of the outage waited for its end"
    );
    assert!(number(&raw["wire"]["up"]["outage"]) > 0);
    assert!(printed.contains("outage"), "{printed}");
}

pub(crate) fn one_fails() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--lasts", "300ms", "--condition", "", "--contestants", "memory,tcp"];
    let (report, printed) = compared(&[SMALL, &args].concat(), folder.path());
    let why = rounds(&report)[0]["outcome"]["Err"].as_str().unwrap();
    assert!(why.contains("memory"), "{why}");
    assert_eq!(of(&report, "tcp")["lost"], 0);
    assert!(printed.contains(why) || printed.contains("memory"), "{printed}");
}

pub(crate) fn loopback() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--lasts", "300ms", "--link", "loopback", "--contestants", "udp,tcp,third"];
    let (report, printed) = compared(&[SMALL, &args].concat(), folder.path());
    assert_eq!((&report["link"], rounds(&report).len()), (&Value::from("loopback"), 3));
    for name in ["udp", "tcp", "third"] {
        let figures = of(&report, name);
        assert_eq!((&figures["lost"], &figures["wire"]), (&Value::from(0), &Value::Null), "{name}");
        assert!(number(&figures["cpu"]["server_us"]) > 0);
    }
    assert!(of(&report, "tcp")["stalls"].is_null(), "stalls cannot be observed on loopback");
    assert!(printed.contains("loopback"), "{printed}");
}

pub(crate) fn server() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--memory", "--no-announce", "--unlimited"];
    let listen = ["--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0"];
    let mut serving = Started::by(&mut program(&[&serve[..], &listen].concat()));
    let output = serving.child().stdout.take().unwrap();
    let (said, output) = read_to(output, "listening on tcp");
    let (more, _output) = read_to(output, "listening on udp");
    let url = |lines: &[String]| lines.last().unwrap().strip_prefix("listening on ").unwrap().to_owned();
    let (tcp, udp) = (url(&said), url(&more));
    let args = ["--lasts", "300ms", "--server", &tcp, "--server", &udp];
    let (report, printed) = compared(&[SMALL, &args].concat(), folder.path());
    assert_eq!(names(&report), ["tcp", "udp-raw", "udp"], "the contestants whose scheme was given");
    assert_eq!(report["link"], "server");
    for name in names(&report) {
        let figures = of(&report, name);
        assert_eq!(
            (&figures["lost"], &figures["cpu"]["server_us"]),
            (&Value::from(0), &Value::Null),
            "{name}"
        );
    }
    assert!(printed.contains("server"), "{printed}");
    let settings = report["settings"].as_array().unwrap();
    assert!(
        settings.iter().all(|it| it["name"] != "server"),
        "the machine of a foreign server is not described: {settings:?}"
    );
}
