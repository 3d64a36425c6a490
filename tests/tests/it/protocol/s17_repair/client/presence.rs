//! Who is in a room, told by frames that come in any order.

use super::*;

fn change(since: u64, version: u64) -> String {
    format!(
        r#"{{"type":"presence","room":"lobby","since":{since},"version":{version},"entered":["bob"],"left":[]}}"#
    )
}

fn members(id: u64, version: u64) -> String {
    format!(
        r#"{{"type":"members","id":{id},"room":"lobby","version":{version},"members":["ana"],"present":1}}"#
    )
}

fn who(rig: &mut Rig) -> Vec<u64> {
    let who = |it| match it {
        Request { id: Some(id), body: RequestBody::Who(it), .. } if it.room == "lobby" => id,
        other => panic!("nothing else is asked for: {other:?}"),
    };
    rig.sent().into_iter().map(who).collect()
}

/// protocol 9.2
#[test]
fn changes_out_of_order_lead_to_one_question() {
    let mut rig = Rig::in_the_lobby(0);
    for frame in [change(5, 6), change(4, 5), change(6, 7), change(5, 6), heads("lobby", "e", 0, 7)] {
        rig.hear(&frame);
    }
    let shown = rig.updates();
    assert!(
        matches!(&shown[..], [Update::Presence(a), Update::Presence(b)] if (a.version, b.version) == (5, 6)),
        "{shown:?}"
    );
    let asked = who(&mut rig);
    assert_eq!(asked.len(), 1);
    rig.hear(&members(asked[0], 7));
    assert!(matches!(&rig.updates()[..], [Update::Members(it)] if it.version == 7));
    rig.hear(&members(asked[0], 7));
    rig.hear(&change(6, 7));
    rig.hear(&heads("lobby", "e", 0, 7));
    assert_eq!((rig.updates(), rig.watch(SECOND)), (vec![], vec![]));
}

/// protocol 17.6
#[test]
fn heads_tell_of_a_last_change_that_was_lost() {
    let mut rig = Rig::in_the_lobby(0);
    rig.hear(&heads("lobby", "e", 0, 5));
    rig.hear(&heads("lobby", "e", 0, 5));
    let asked = who(&mut rig);
    assert_eq!(asked.len(), 1);
    rig.hear(&members(asked[0], 5));
    assert_eq!(rig.updates().len(), 1);
    assert_eq!(rig.watch(SECOND), []);
}

/// protocol 9.2
#[test]
fn an_old_list_of_members_does_not_undo_what_is_newer() {
    let mut rig = Rig::in_the_lobby(0);
    rig.hear(&change(7, 8));
    let asked = who(&mut rig);
    rig.hear(&change(4, 9));
    rig.updates();
    rig.hear(&members(asked[0], 8));
    assert_eq!(rig.updates(), []);
    rig.hear(&change(9, 10));
    assert_eq!(rig.updates().len(), 1, "9 is known, not 8");
    rig.hear(&change(4, 8));
    assert_eq!((rig.updates(), rig.watch(SECOND)), (vec![], vec![]), "nor does an old change");
}
