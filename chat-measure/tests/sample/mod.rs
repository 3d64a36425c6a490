//! A made-up report of a comparison, for the tests of its output forms. The same seed makes the same report.

use std::time::Duration;

use fastrand::Rng;

use super::{
    BeforeRepair, Condition, Contestant, Cpu, Figures, Link, Report, Round, Setting, Stalls, TimeSlot, Wire,
    WireCounts,
};

/// A report of three conditions, four contestants and two repetitions. One round failed, and one name contains HTML.
pub fn report(seed: u64) -> Report {
    let mut report = empty();
    report.seed = seed;
    report.settings = settings(&[("kernel", "Linux 6.12.0"), ("processors", "2"), ("mtu", "1500")]);
    report.contestants = vec![
        contestant("tcp", "tcp", false, true, &[("congestion control", "cubic"), ("TCP_NODELAY", "on")]),
        contestant("<script>alert(1)</script>", "tcp", false, true, &[("TCP_NODELAY", "<b>off</b>")]),
        contestant("udp-raw", "udp", true, false, &[("datagram", "1200 bytes at most")]),
        contestant("udp", "udp", false, false, &[("datagram", "1200 bytes at most")]),
    ];
    report.conditions = ["", "delay=10ms,loss=2%", "delay=40ms,loss=10%,outage=2s"]
        .map(|it| Condition { up: it.to_owned(), down: it.to_owned() })
        .to_vec();
    let mut dice = Rng::with_seed(seed);
    for (condition, (delay, loss)) in [(0.2, 0.0), (10.0, 0.02), (40.0, 0.1)].into_iter().enumerate() {
        for repetition in 0..report.repetitions {
            for contestant in 0..report.contestants.len() {
                let figures = figures(&mut dice, contestant, delay, loss, condition == 2);
                let outcome = if (condition, contestant, repetition) == (2, 1, 1) {
                    Err("nobody answered within 30 s: <i>timed out</i>".to_owned())
                } else {
                    Ok(figures)
                };
                let seed = seed + repetition as u64;
                report.rounds.push(Round { condition, contestant, repetition, seed, outcome });
            }
        }
    }
    report
}

/// A report without contestants, conditions and rounds.
pub fn empty() -> Report {
    let written = serde_json::json!({
        "software": "chat 0.1.0", "began": 1_790_000_000_000_u64, "seed": 1, "link": "emulated", "scenario": "meeting",
        "conversation": "10 people in 1 room send 40 messages of 20 to 120 bytes a second, for 10 s",
        "repetitions": 2, "settings": [], "contestants": [], "conditions": [], "rounds": [], "interrupted": false,
    });
    let mut report: Report = serde_json::from_value(written).expect("these are the fields of a report");
    report.link = Link::Emulated;
    report
}

/// A contestant.
pub fn contestant(name: &str, scheme: &str, raw: bool, reliable: bool, with: &[(&str, &str)]) -> Contestant {
    Contestant { name: name.to_owned(), scheme: scheme.to_owned(), raw, reliable, settings: settings(with) }
}

fn settings(of: &[(&str, &str)]) -> Vec<Setting> {
    of.iter().map(|(name, value)| Setting { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

/// The figures of 400 messages to 9 readers. Their tails resemble real ones: a transport that retransmits by a timer makes
/// all readers wait for long, one that repairs soon does not.
fn figures(dice: &mut Rng, contestant: usize, delay: f64, loss: f64, outage: bool) -> Figures {
    let (raw, wait, in_line) =
        [(false, 200.0, true), (false, 240.0, true), (true, 0.0, false), (false, 12.0, false)][contestant];
    let mut figures = Figures::default();
    (figures.said, figures.expected) = (400, 3600);
    let mut stalls = Stalls::default();
    for slot in 0..100_u32 {
        let mut waits = Vec::new();
        let blocked = in_line && dice.f64() < loss * 2.0;
        let gone = outage && (40..60).contains(&slot);
        for _ in 0..36 {
            let unlucky = dice.f64() < loss;
            if raw && (unlucky || gone) {
                continue;
            }
            let late = if gone { f64::from(60 - slot) * 100.0 } else { 0.0 };
            let behind = if blocked || unlucky { wait * (0.2 + dice.f64()) } else { 0.0 };
            let millis = delay * 2.0 + 0.1 + dice.f64() * delay * 0.3 + behind + late;
            waits.push(Duration::from_secs_f64(millis / 1000.0));
        }
        if blocked {
            stalls.count += 1;
            stalls.longest_us = stalls.longest_us.max((wait * 1000.0) as u64);
            stalls.total_us += (wait * 1000.0) as u64;
        }
        waits.sort();
        if let Some(longest) = waits.last() {
            let (p50_us, max_us) = (waits[waits.len() / 2].as_micros() as u64, longest.as_micros() as u64);
            let (at_ms, delivered) = (u64::from(slot) * 100, waits.len() as u64);
            figures.over_time.push(TimeSlot { at_ms, delivered, p50_us, max_us });
        }
        figures.delivered += waits.len() as u64;
        figures.latency.extend(waits);
    }
    figures.lost = figures.expected - figures.delivered;
    if raw {
        figures.duplicated = (3600.0 * loss / 10.0) as u64;
        figures.reordered = (3600.0 * loss / 20.0) as u64;
    } else {
        figures.retransmissions = Some((3600.0 * loss) as u64);
    }
    figures.stalls = (contestant != 2).then_some(stalls);
    figures.before_repair = (contestant == 3).then_some(BeforeRepair {
        lost: (3600.0 * loss) as u64,
        duplicated: 3,
        reordered: 2,
    });
    let packets = 3000 + dice.u64(0..300) + if contestant < 2 { 1800 } else { (loss * 4000.0) as u64 };
    let way = WireCounts {
        packets,
        bytes: packets * 150,
        lost: (packets as f64 * loss) as u64,
        ..WireCounts::default()
    };
    figures.wire = Some(Wire {
        up: WireCounts { packets: packets / 6, bytes: packets * 20, ..way },
        down: way,
        missed: 0,
    });
    figures.join.took =
        (0..10).map(|_| Duration::from_secs_f64(delay / 250.0 + dice.f64() / 1000.0)).collect();
    figures.recovery = outage.then(|| {
        (0..9).map(|_| Duration::from_secs_f64((50.0 + wait * 4.0 * dice.f64()) / 1000.0)).collect()
    });
    figures.cpu =
        Cpu { server_us: Some(90_000 + dice.u64(0..9000)), clients_us: Some(400_000 + dice.u64(0..40_000)) };
    figures.goodput = figures.delivered as f64 * 70.0 / 10.0;
    figures.lasted_us = 10_000_000;
    figures
}
