//! Entries of kinds that this version does not know, over a link that loses frames.

use super::*;

fn later(seq: u64) -> String {
    format!(r#"{{"type":"reaction","room":"lobby","seq":{seq},"target":1}}"#)
}

/// protocol 14.9, protocol 17.4
#[test]
fn an_entry_of_a_later_kind_is_not_asked_for_again() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entry(1);
    rig.hear(&later(2));
    rig.entry(3);
    assert_eq!(rig.numbers(), [1, 2, 3]);
    rig.now += SECOND;
    assert_eq!(rig.replays(), [], "nothing is missing");
}

/// protocol 14.9, protocol 17.4
#[test]
fn an_entry_of_a_later_kind_waits_for_its_turn_and_is_repaired_like_any_other() {
    let mut rig = Rig::in_the_lobby(0);
    rig.hear(&later(2));
    rig.entry(4);
    assert_eq!(rig.numbers(), [0; 0], "number 1 is missing");
    rig.now += SECOND;
    assert_eq!(rig.replays(), [(1, 3)], "number 2 is here");
    rig.entry(1);
    assert_eq!(rig.numbers(), [1, 2]);
    rig.hear(&later(3));
    assert_eq!(rig.numbers(), [3, 4]);
    rig.now += SECOND;
    assert_eq!(rig.replays(), [], "the page is complete");
}
