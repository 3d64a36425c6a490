//! Parts of the frames that the server of a hostile client test sends.

use chat_core::wire::{Event, MAX_INTEGER, read_event};

use super::super::input::Line;

/// A room: the lobby in 32 ways, the inbox, another, or what is none.
pub(super) fn room(line: &mut Line<'_>) -> String {
    let which = line.below(37);
    match which {
        0..4 => return ["lobby", "@", "-", "kitchen"][which].to_owned(),
        4 => return "a b".to_owned(),
        _ => {}
    }
    let capital =
        |(at, it): (usize, char)| if (which - 5) >> at & 1 == 1 { it.to_ascii_uppercase() } else { it };
    "lobby".chars().enumerate().map(capital).collect()
}

/// An entry of a kind that this version does not know, with any of the fields that an entry may have.
pub(super) fn later_entry(line: &mut Line<'_>) -> String {
    let tag = ["poll", "", "entry", "Message"][line.below(4)];
    let (room, seq, fields) = (room(line), line.number(), line.below(16));
    let mut frame = format!(r#"{{"type":"{tag}","room":"{room}","seq":{seq}"#);
    for (bit, field) in
        [r#""from":"bob""#, r#""at":1"#, r#""text":"hi""#, r#""target":{"seq":1}"#].iter().enumerate()
    {
        if fields >> bit & 1 == 1 {
            frame.push(',');
            frame.push_str(field);
        }
    }
    frame.push('}');
    let read = read_event(frame.as_bytes());
    let is_entry = matches!(read, Ok(Event::Entry(_)));
    assert!(is_entry || seq > MAX_INTEGER, "protocol 14.9: {frame} is {read:?}");
    frame
}

/// A welcome with any limits.
pub(super) fn welcome(line: &mut Line<'_>) -> String {
    let (resumed, pending) = (line.below(2) == 1, line.number());
    let rate = match line.maybe().zip(line.maybe()) {
        Some((burst, minute)) => format!(r#","burst":{burst},"per_minute":{minute}"#),
        None => String::new(),
    };
    format!(
        r#"{{"type":"welcome","protocol":1,"name":"ana","server":"x","resume":"s","resumed":{resumed},"limits":{{"frame":65443,"text":8192,"rooms":9,"pending":{pending}{rate}}}}}"#
    )
}
