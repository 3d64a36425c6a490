//! A capture is read back by its specification, and by Wireshark's capinfos.

use std::{fs::File, path::Path, process::Command, time::Duration};

use chat_lab::{Counts, Lab};

use crate::network::{SEED, receiver, send};

struct Block<'a> {
    kind: u32,
    body: &'a [u8],
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("it is four bytes"))
}

fn blocks(mut file: &[u8]) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let length = number(file, 4) as usize;
        assert_eq!((length % 4, number(file, length - 4) as usize), (0, length), "both lengths agree");
        blocks.push(Block { kind: number(file, 0), body: &file[8..length - 4] });
        file = &file[length..];
    }
    blocks
}

/// A capture of 200 datagrams, of which a fifth is lost, and what was counted meanwhile.
fn captured(lab: &Lab, path: &Path) -> Counts {
    let file = File::create(path).expect("it can be written");
    let (up, down) = ("delay=5ms,loss=20%,mtu=1000", "");
    let [up, down] = [up, down].map(|it| it.parse().expect("it is possible"));
    let link = lab.captured_link(up, down, SEED, file).expect("there is a link");
    let (port, arrivals) = receiver();
    send((link.server_address(), port), 200, 101, Duration::from_micros(100));
    arrivals.join().expect("it receives");
    link.stop().expect("the file is whole")
}

pub(crate) fn capture(lab: &Lab) {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("link.pcapng");
    let counts = captured(lab, &path);
    let file = std::fs::read(&path).expect("it is there");
    let blocks = blocks(&file);
    assert_eq!(blocks.iter().take(3).map(|it| it.kind).collect::<Vec<_>>(), [0x0A0D_0D0A, 1, 1]);
    let packets: Vec<&[u8]> = blocks[3..].iter().map(|it| it.body).collect();
    assert!(blocks[3..].iter().all(|it| it.kind == 6), "packets and nothing else");
    let at = |interface| packets.iter().filter(|it| number(it, 0) == interface).count() as u64;
    assert_eq!(at(0), counts.up.sent.all().packets + counts.down.delivered.all().packets);
    assert_eq!(at(1), counts.up.delivered.all().packets + counts.down.sent.all().packets);
    let time = |it: &&[u8]| u64::from(number(it, 4)) << 32 | u64::from(number(it, 8));
    assert!(packets.iter().map(time).is_sorted(), "time does not go back");
    let lost = packets.iter().filter(|it| it.windows(13).any(|it| it == b"dropped: lost")).count() as u64;
    assert_eq!(lost, counts.up.lost);
    let first = packets[0];
    assert_eq!((number(first, 12), number(first, 16)), (101, 101));
    assert_eq!(first[20 + 12..20 + 20], [10, 9, 0, 1, 10, 9, 0, 2], "as the client sees it");
}

pub(crate) fn counted_by_wireshark(lab: &Lab) {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("link.pcapng");
    captured(lab, &path);
    let file = std::fs::read(&path).expect("it is there");
    let packets = blocks(&file).iter().filter(|block| block.kind == 6).count();
    let said = Command::new("capinfos").arg("-c").arg("-M").arg(&path).output().expect("it is installed");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(&format!(" {packets}\n")), "capinfos: {said}");
}
