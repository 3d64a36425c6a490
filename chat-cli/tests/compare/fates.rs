//! The same seed makes the same losses: the fate of each packet is read from the captures of two runs.

use std::fs;

use super::*;

pub(crate) fn same() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|run| {
        let captures = folder.path().join(run);
        let condition = ["--condition", "delay=2ms,loss=10%", "--contestants", "udp-raw", "--seed", "4"];
        let args =
            ["--people", "6", "--rate", "80", "--lasts", "1s", "--capture", captures.to_str().unwrap()];
        let (report, _) = compared(&[&condition[..], &args].concat(), folder.path());
        let figures = report["rounds"][0]["outcome"]["Ok"].clone();
        let file = fs::read_dir(&captures).unwrap().next().unwrap().unwrap().path();
        assert!(file.to_str().unwrap().ends_with("udp-raw-0-0.pcapng"), "{file:?}");
        (figures, fates(&fs::read(file).unwrap()))
    });
    assert_eq!(one.0["said"], other.0["said"], "the same conversation");
    for (way, (one, other)) in ["up", "down"].iter().zip(one.1.iter().zip(&other.1)) {
        let both = one.len().min(other.len());
        assert!(both > 60, "{way}: {both} packets");
        assert_eq!(one[..both], other[..both], "{way}: the same packets are lost");
        let lost = one.iter().filter(|it| **it).count();
        assert!((both / 40..both / 4).contains(&lost), "{way}: {lost} of {both} are lost");
    }
    // A message crosses the link twice, so both runs lose about 19 % of the deliveries. A message that is lost on its way up
    // is lost for five readers: with 80 messages the standard deviation is below 5 %, and four of those are allowed.
    let share = |it: &serde_json::Value| it["delivered"].as_f64().unwrap() / it["expected"].as_f64().unwrap();
    let (one, other) = (share(&one.0), share(&other.0));
    assert!((one - 0.81).abs() < 0.2 && (one - other).abs() < 0.2, "{one} and {other} were delivered");
}

/// Whether each packet that was sent up and down was lost, in the order sent.
fn fates(mut file: &[u8]) -> [Vec<bool>; 2] {
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut fates = [Vec::new(), Vec::new()];
    while !file.is_empty() {
        let (kind, length) = (number(file, 0), number(file, 4) as usize);
        let body = &file[8..length - 4];
        if kind == 6 {
            let sends = body.windows(8).any(|it| it == [2, 0, 4, 0, 2, 0, 0, 0]); // the option that marks an outbound packet
            let lost = body.windows(13).any(|it| it == b"dropped: lost");
            if sends {
                fates[number(body, 0) as usize].push(lost);
            }
        }
        file = &file[length..];
    }
    fates
}
