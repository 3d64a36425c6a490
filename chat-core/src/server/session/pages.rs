//! Frames made from entries of the log. Each entry is written once.

use bytes::Bytes;

use crate::{
    RoomName,
    log::{EntryHash, Found, LogEntry, LogPage},
    server::room::{entry_frames, entry_size, within},
    wire::{self, Block, Event, Gap, MAX_FRAME, SignedHead, with_hash},
};

/// Sends the entries of a page up to `to`, `budget` bytes at most or one entry, with a `gap` wherever some are gone.
/// Returns the last number dealt with.
pub(crate) fn send_entries(
    room: &RoomName,
    (after, to): (u64, u64),
    budget: usize,
    hashes: bool,
    page: &LogPage,
    out: &mut impl FnMut(Bytes),
) -> u64 {
    let mut last = after;
    let gap = |from: u64, to: u64, out: &mut dyn FnMut(Bytes)| {
        if from <= to {
            out(wire::write(&Event::Gap(Gap { room: room.to_string(), from, to })));
        }
    };
    let wanted = page.entries.iter().take_while(|entry| entry.seq <= to).count();
    let entries = &page.entries[..wanted];
    let frames = entry_frames(room, entries, hashes).zip(entries).map(|(frame, entry)| (entry.seq, frame));
    let mut sent = 0;
    for (seq, frame) in within(frames, budget, |(_, frame)| frame.len()) {
        gap(last + 1, seq - 1, out);
        (last, sent) = (seq, sent + 1);
        out(frame);
    }
    if sent == wanted {
        gap(last + 1, page.through.min(to), out);
        last = last.max(page.through.min(to));
    }
    last
}

/// Signs the entry of a room that has this number and hash, if the server signs.
pub(crate) type Sign<'a> = dyn Fn(&RoomName, u64, EntryHash) -> Option<SignedHead> + 'a;

/// The page of these entries, which ascend: the newest, as many as fit a frame. With `sign` they have their hashes, and the
/// newest one is signed.
pub(crate) fn log_page_frame(
    id: u64,
    room: &RoomName,
    entries: &[LogEntry],
    sign: Option<&Sign<'_>>,
) -> Bytes {
    let mut block = Block::default();
    let mut rest: usize = entries.iter().map(entry_size).sum();
    let newest_first = entries.iter().rev().map(|entry| {
        let frame = block.entry(room.as_str(), entry, rest);
        rest -= entry_size(entry);
        if sign.is_some() { with_hash(&frame, entry.hash) } else { frame }
    });
    let signed = sign.zip(entries.last()).and_then(|(sign, newest)| sign(room, newest.seq, newest.hash));
    write_page(id, room, newest_first, signed.as_ref())
}

/// The page of these entries, which are the frames of single ones: the first of them, as many as fit a frame.
pub(crate) fn page_frame(id: u64, room: &RoomName, newest_first: impl Iterator<Item = Bytes>) -> Bytes {
    write_page(id, room, newest_first, None)
}

fn write_page(
    id: u64,
    room: &RoomName,
    newest_first: impl Iterator<Item = Bytes>,
    signed: Option<&SignedHead>,
) -> Bytes {
    let mut entries = fitting(newest_first);
    entries.reverse();
    let mut frame = begin("page", id, &entries);
    frame.extend_from_slice(br#","room":"#);
    frame.extend_from_slice(&wire::write(&room.as_str()));
    put_entries(&mut frame, &entries);
    if let Some(signed) = signed {
        frame.extend_from_slice(br#","signed":"#);
        frame.extend_from_slice(&wire::write(signed));
    }
    frame.push(b'}');
    frame.into()
}

/// The answer to a search, with as many of its entries as fit a frame.
pub(crate) fn found_frame(id: u64, found: &Found, hashes: bool) -> Bytes {
    let mut block = Block::default();
    let mut rest: usize = found.hits.iter().map(|hit| entry_size(&hit.entry)).sum();
    let entries = fitting(found.hits.iter().map(|hit| {
        let frame = block.entry(hit.room.as_str(), &hit.entry, rest);
        rest -= entry_size(&hit.entry);
        if hashes { with_hash(&frame, hit.entry.hash) } else { frame }
    }));
    let more = match entries.len() {
        all if all == found.hits.len() => found.more,
        cut => cut.checked_sub(1).map(|last| found.hits[last].place),
    };
    let mut frame = begin("found", id, &entries);
    put_entries(&mut frame, &entries);
    if let Some(more) = more {
        frame.extend_from_slice(format!(r#","more":{more}"#).as_bytes());
    }
    if found.pending > 0 {
        frame.extend_from_slice(format!(r#","pending":{}"#, found.pending).as_bytes());
    }
    frame.push(b'}');
    frame.into()
}

fn begin(tag: &str, id: u64, entries: &[Bytes]) -> Vec<u8> {
    let size: usize = entries.iter().map(|entry| entry.len() + 1).sum();
    let mut frame = Vec::with_capacity(size + PAGE_OVERHEAD);
    frame.extend_from_slice(format!(r#"{{"type":"{tag}","id":{id}"#).as_bytes());
    frame
}

fn put_entries(frame: &mut Vec<u8>, entries: &[Bytes]) {
    frame.extend_from_slice(br#","entries":["#);
    for (number, entry) in entries.iter().enumerate() {
        if number > 0 {
            frame.push(b',');
        }
        frame.extend_from_slice(entry);
    }
    frame.push(b']');
}

/// The first of `entries`, as many as fit a frame.
fn fitting(entries: impl Iterator<Item = Bytes>) -> Vec<Bytes> {
    let mut room_left = MAX_FRAME - PAGE_OVERHEAD;
    let fits = |entry: &Bytes| match room_left.checked_sub(entry.len() + 1) {
        Some(left) => {
            room_left = left;
            true
        }
        None => false,
    };
    entries.take_while(fits).collect()
}

/// The bytes of a page besides its entries: the room's name at its longest, a signature, and the braces.
const PAGE_OVERHEAD: usize = 1024;
