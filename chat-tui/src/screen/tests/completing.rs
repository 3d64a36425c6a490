//! Tab, at a name that begins anywhere.

use super::*;

#[test]
fn a_name_is_completed_wherever_it_may_begin() {
    let mut world = World::new();
    let entered = ["bob-2", "Zoë", "安娜"].map(str::to_owned).to_vec();
    let (room, left) = ("lobby".to_owned(), Vec::new());
    world.tell(Update::Presence(Presence {
        room,
        since: 1,
        version: 2,
        entered,
        left,
        guests: Default::default(),
    }));
    for (typed, completed) in [
        ("bo", "bob: "),
        ("(bo", "(bob "),
        ("hi,bo", "hi,bob "),
        ("hi @bo", "hi @bob "),
        ("zoe", "Zoë: "),
        ("ZOË", "Zoë: "),
        ("安", "安娜: "),
        ("你好安", "你好安娜 "),
        ("/jo", "/join "),
        ("/join ", "/join lobby "),
        ("/join x", "/join x"),
        ("/bo", "/bo"),
        ("bobo", "bobo"),
        ("x-bo", "x-bo"),
    ] {
        world.app.on_paste(typed);
        world.press(Key::Complete(Way::Down));
        assert_eq!(world.app.room().unwrap().draft.text(), completed, "{typed:?}");
        world.press(Key::Cancel);
    }
}
