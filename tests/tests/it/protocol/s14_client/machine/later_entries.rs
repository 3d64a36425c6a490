//! Entries of kinds that this version does not know, over a link that loses nothing.

use chat_core::{
    client::Update,
    wire::{EntryFrame, Event, RequestBody},
};

use super::{FAST, Rig};

/// Frames that are entries whatever their types, numbered from 1.
const LATER: [&str; 6] = [
    r#"{"type":"message","room":"lobby","seq":1,"from":"bob","at":1,"text":"hi"}"#,
    r#"{"type":"poll","room":"lobby","seq":2,"from":"bob","at":2,"text":"tea or coffee?","options":["tea","coffee"]}"#,
    r#"{"type":"reaction","room":"lobby","seq":3,"from":"bob","at":3,"target":1}"#,
    r#"{"type":"erased","room":"LOBBY","seq":4}"#,
    r#"{"seq":5,"deep":{"er":[{"still":null}]},"room":"lobby","type":"x"}"#,
    r#"{"type":"message","room":"lobby","seq":6,"from":"bob","at":6,"text":"bye"}"#,
];

/// The type and the text of each entry.
fn shown(entries: &[EntryFrame]) -> Vec<(&str, &str)> {
    entries.iter().map(|entry| (entry.body.kind.tag(), entry.body.text.as_str())).collect()
}

const SHOWN: [(&str, &str); 6] = [
    ("message", "hi"),
    ("poll", "tea or coffee?"),
    ("reaction", ""),
    ("erased", ""),
    ("x", ""),
    ("message", "bye"),
];

/// protocol 14.9, protocol 14.3
#[test]
fn an_entry_of_a_later_kind_moves_the_cursor_and_is_reported() {
    let mut rig = Rig::in_the_lobby(FAST);
    for frame in LATER.iter().chain(&LATER[1..5]) {
        rig.hear(frame).expect("the link goes on");
    }
    let entries: Vec<EntryFrame> = rig
        .updates()
        .into_iter()
        .map(|update| match update {
            Update::Entry(entry) => entry,
            other => panic!("nothing else is reported: {other:?}"),
        })
        .collect();
    assert_eq!(shown(&entries), SHOWN, "each of them once");
    assert!(entries[1].body.fields.as_ref().is_some_and(|fields| fields.contains_key("options")));
    assert_eq!(rig.sent(), [], "nothing is asked for");
    rig.client.link_lost("cut", rig.now);
    rig.link_up(FAST, true);
    let after = rig.sent().into_iter().find_map(|request| match request.body {
        RequestBody::Join(join) if join.room == "lobby" => join.after,
        _ => None,
    });
    assert_eq!(after, Some(6), "the next link reads on after all of them");
}

/// protocol 14.9
#[test]
fn a_missing_number_before_an_entry_of_a_later_kind_is_missing() {
    let mut rig = Rig::in_the_lobby(FAST);
    rig.hear(LATER[0]).unwrap();
    let error = rig.hear(LATER[2]).expect_err("number 2 is missing");
    assert!(error.contains("lobby"), "{error}");
}

/// protocol 14.9
#[test]
fn a_page_and_a_search_may_hold_entries_of_later_kinds() {
    let mut rig = Rig::in_the_lobby(FAST);
    let entries = LATER.join(",");
    rig.client.ask(chat_core::wire::History { room: "lobby".into(), ..Default::default() }, 1);
    rig.client.ask(chat_core::wire::Search { words: "tea".into(), ..Default::default() }, 2);
    let ids: Vec<u64> = rig.sent().into_iter().filter_map(|request| request.id).collect();
    rig.hear(&format!(r#"{{"type":"page","id":{},"room":"lobby","entries":[{entries}]}}"#, ids[0]))
        .expect("a page is one of the protocol's, whatever is in it");
    rig.hear(&format!(r#"{{"type":"found","id":{},"entries":[{entries}]}}"#, ids[1]))
        .expect("so is what was found");
    let updates = rig.updates();
    let [
        Update::Reply { tag: 1, reply: Event::Page(page) },
        Update::Reply { tag: 2, reply: Event::Found(found) },
    ] = &updates[..]
    else {
        panic!("both are answered: {updates:?}")
    };
    assert_eq!((shown(&page.entries), shown(&found.entries)), (SHOWN.to_vec(), SHOWN.to_vec()));
}

/// protocol 14.1, protocol 14.9
#[test]
fn an_event_of_a_later_type_without_a_number_is_skipped() {
    let mut rig = Rig::in_the_lobby(FAST);
    for frame in [
        r#"{"type":"typing","room":"lobby","from":"bob"}"#,
        r#"{"type":"weather","seq":1}"#,
        r#"{"type":"entry","room":"kitchen","seq":9}"#,
    ] {
        rig.hear(frame).expect("the link goes on");
    }
    assert_eq!((rig.updates(), rig.sent()), (vec![], vec![]));
}
