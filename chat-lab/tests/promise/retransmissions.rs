//! The counts of TCP are compared with the kernel's own.

use std::fs;

use chat_lab::{Counts, Lab};

use crate::{
    links::transfer,
    network::{SEED, until},
};

/// What the kernel counts of TCP in this namespace.
fn kernel(name: &str) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/snmp").expect("there is /proc");
    let mut lines = table.lines().filter_map(|it| it.strip_prefix("Tcp: ")).map(str::split_whitespace);
    let (names, values) = (lines.next().expect("its names"), lines.next().expect("its values"));
    let (_, value) = names.zip(values).find(|it| it.0 == name).expect("it is counted");
    value.parse().expect("it is a number")
}

fn counts(lab: &Lab, condition: &str) -> Counts {
    let both = || condition.parse().expect("it is possible");
    let link = lab.link(both(), both(), SEED).expect("there is a link");
    transfer(link.server_address(), "0.0.0.0", 2_000_000);
    transfer(link.server_address_v6(), "::", 2_000_000);
    until("all is acknowledged", || kernel("CurrEstab") == 0);
    link.stop().expect("it worked")
}

pub(crate) fn with_loss(lab: &Lab) {
    agrees(lab, "loss=2%,delay=5ms");
}

/// What is corrupted is dropped by the receiving kernel, so it is lost like all else.
pub(crate) fn with_corruption(lab: &Lab) {
    agrees(lab, "corrupt=2%,delay=5ms");
}

fn agrees(lab: &Lab, condition: &str) {
    let before = kernel("RetransSegs");
    let counts = counts(lab, condition);
    let theirs = kernel("RetransSegs") - before;
    let (up, down) = (counts.up.tcp, counts.down.tcp);
    // The kernel also counts what carries no data: of two connections there are four SYN and four FIN, some of which get
    // lost.
    let ours = up.retransmitted + down.retransmitted;
    assert!(ours.abs_diff(theirs) <= 8, "we count {ours}, the kernel {theirs}");
    assert!(up.retransmitted >= up.segments / 100, "{up:?}");
    assert!(up.stalls.count > 0 && up.stalls.longest <= up.stalls.total, "{up:?}");
    // What is sent again comes at best a round trip after what it was missed by.
    assert!(up.stalls.longest.as_millis() >= 10, "{up:?}");
    assert_eq!((down.segments, down.stalls.count), (0, 0), "nothing is said this way");
    println!(
        "{condition}: {ours} of {} segments sent again, the kernel says {theirs}; {:?}",
        up.segments, up.stalls
    );
}

pub(crate) fn without(lab: &Lab) {
    let before = kernel("RetransSegs");
    let counts = counts(lab, "delay=5ms");
    let up = counts.up.tcp;
    assert!(up.segments * 1500 > 4_000_000, "{up:?}");
    assert_eq!((up.stalls.count, counts.missed), (0, 0), "{counts}");
    // On a machine that is busy the kernel takes something late for lost now and then.
    assert_eq!(up.retransmitted, kernel("RetransSegs") - before, "{counts}");
    assert!(up.retransmitted <= 2, "{counts}");
}
