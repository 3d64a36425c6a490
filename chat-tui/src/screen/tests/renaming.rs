//! Another name, in another session.

use chat_core::{client::Update, wire::RequestBody};
use chat_front::conversation::Action;

use super::{World, ack, joined, welcome};

#[test]
fn a_name_is_changed_with_the_rooms_read_on() {
    let mut world = World::new();
    world.hear("bob", 1, "hi");
    world.line("/name Bel");
    assert_eq!(world.take_actions(), [Action::Rename("Bel".to_owned())]);
    world.app.renamed(&welcome("Bel", false), world.now);
    let (request, tag) = world.asked();
    assert!(
        matches!(&request, RequestBody::Join(it) if it.after == Some(1) && it.epoch.as_deref() == Some("e"))
    );
    world.tell(Update::Joined { tag: Some(tag), joined: joined("lobby", 1, 1) });
    assert_eq!(world.room("lobby").seen, 1, "what was seen before is no news");
    world.line("still here");
    world.line("/name Cat");
    let tag = match &world.take_actions()[..] {
        [Action::Ask(RequestBody::Post(_), tag)] => *tag,
        other => panic!("{other:?}"),
    };
    world.reply(tag, ack(2));
    assert_eq!(world.take_actions(), [Action::Rename("Cat".to_owned())], "once nothing is on its way");
}

#[test]
fn what_is_said_while_the_name_changes_is_said_under_the_new_one() {
    let mut world = World::new();
    world.line("/name Bel");
    world.take_actions();
    world.line("too early");
    world.line("/join kitchen");
    assert_eq!(world.take_actions(), []);
    world.app.renamed(&welcome("Bel", false), world.now);
    let asked: Vec<_> = world.take_actions();
    let [
        Action::Ask(RequestBody::Join(lobby), _),
        Action::Ask(RequestBody::Post(said), tag),
        Action::Ask(RequestBody::Join(kitchen), _),
    ] = &asked[..]
    else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (&*lobby.room, lobby.after, &*kitchen.room, kitchen.after),
        ("lobby", Some(0), "kitchen", None)
    );
    assert_eq!(said.text, "too early");
    world.reply(*tag, ack(1));
    world.hear("Bel", 1, "too early");
    assert_eq!(world.texts("lobby"), ["too early"]);
}
