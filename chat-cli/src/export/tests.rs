//! Entries of kinds that come later, in every form of an export.

use chat_core::wire::{Author, Body, EntryKind};
use jiff::civil::date;

use super::*;

fn entry(seq: u64, text: &str) -> EntryFrame {
    let body = Body { kind: EntryKind::of("reaction"), ..Body::message(text) };
    EntryFrame {
        room: "lobby".to_owned(),
        seq,
        author: Author::person("ana"),
        to: None,
        at: 1_795_172_580_000,
        body,
    }
}

/// protocol 14.1
#[test]
fn an_entry_of_a_later_kind_is_written_by_its_text_or_not_at_all() {
    let now = date(2026, 11, 20).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    let mut text = lines::Text::new(TimeZone::UTC);
    assert_eq!(text.entry(&entry(1, "likes <this>")), "2026-11-20 11:03:00 <ana (guest)> likes <this>\n");
    assert_eq!(text.entry(&entry(2, "")), "");
    let mut html = html::Html::new("lobby", now);
    assert_eq!(html.entry(&entry(1, "")), "");
    let shown = html.entry(&entry(2, "likes <this>"));
    assert!(shown.contains(">likes &lt;this&gt;</p>") && shown.contains("<h2>2026-11-20</h2>"), "{shown}");
    assert!(html.end().contains(">1 entry, exported"));
    let bare = lines::Json.entry(&entry(3, ""));
    assert_eq!(
        bare,
        "{\"type\":\"reaction\",\"room\":\"lobby\",\"seq\":3,\"from\":\"ana\",\"at\":1795172580000}\n"
    );
}
