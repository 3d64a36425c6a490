//! Reading back and on, and going to what was found.

use chat_core::{
    client::Update,
    wire::{Event, Found, Page, RequestBody},
};

use chat_front::{Place, conversation::Action};

use super::{World, entry, joined};
use crate::{
    edit::{Key, Way},
    screen::{
        backlog::{Item, MAX_ITEMS},
        scroll::Scroll,
    },
};

/// As the server answers `history`.
fn page(before: Option<u64>, limit: u64, head: u64) -> Event {
    let end = before.unwrap_or(head + 1).min(head + 1);
    let entries =
        (end.saturating_sub(limit).max(1)..end).map(|seq| entry("lobby", "bob", seq, &seq.to_string()));
    Event::Page(Page { id: 0, room: "lobby".to_owned(), entries: entries.collect(), signed: None })
}

/// Answers whatever page is asked for.
fn serve_pages(world: &mut World, head: u64) -> usize {
    let mut pages = 0;
    loop {
        let asked = world.take_actions();
        if asked.is_empty() {
            return pages;
        }
        for action in asked {
            let Action::Ask(RequestBody::History(it), tag) = action else { panic!("{action:?}") };
            world.reply(tag, page(it.before, it.limit.unwrap(), head));
            pages += 1;
        }
    }
}

fn numbers(world: &World) -> Vec<u64> {
    world.texts("lobby").iter().map(|text| text.parse().unwrap()).collect()
}

fn top_seq(world: &World) -> u64 {
    let room = world.room("lobby");
    let Scroll::At(id, _) = room.scroll else { panic!("it is at the bottom") };
    room.backlog.get(room.backlog.position(id)).and_then(Item::seq).unwrap()
}

#[test]
fn one_can_read_back_to_the_beginning_and_on_to_the_end_in_bounded_memory() {
    let mut world = World::new();
    let head = 5_000;
    for seq in 1..=head {
        world.hear("bob", seq, &seq.to_string());
        assert!(world.room("lobby").backlog.len() <= MAX_ITEMS);
    }
    for way in [Way::Up, Way::Down] {
        for _ in 0..1_000 {
            world.press(Key::Page(way));
            serve_pages(&mut world, head);
            let held = numbers(&world);
            assert!(held.len() <= MAX_ITEMS && held.windows(2).all(|pair| pair[1] == pair[0] + 1));
        }
        match way {
            Way::Up => assert_eq!((top_seq(&world), numbers(&world)[0]), (1, 1)),
            Way::Down => assert_eq!(world.room("lobby").scroll, Scroll::Bottom),
        }
    }
    assert_eq!(numbers(&world).last(), Some(&head));
}

#[test]
fn nothing_moves_while_one_reads_back_and_what_is_new_is_counted() {
    let mut world = World::new();
    (1..=300).for_each(|seq| world.hear("bob", seq, &seq.to_string()));
    world.press(Key::Page(Way::Up));
    world.press(Key::Page(Way::Up));
    let top = top_seq(&world);
    (301..=4_000).for_each(|seq| world.hear("bob", seq, &seq.to_string()));
    assert_eq!((top_seq(&world), world.room("lobby").below), (top, 3_700));
    assert!(world.room("lobby").backlog.len() <= MAX_ITEMS);
    world.press(Key::End(Way::Down));
    serve_pages(&mut world, 4_000);
    assert_eq!(numbers(&world).last(), Some(&4_000));
    world.hear("bob", 4_001, "4001");
    assert_eq!(numbers(&world).last(), Some(&4_001));
}

#[test]
fn a_found_message_is_gone_to_in_the_midst_of_what_was_said_around_it() {
    let mut world = World::new();
    (4_901..=5_000).for_each(|seq| world.hear("bob", seq, &seq.to_string()));
    world.line("/search red tea");
    let (request, tag) = world.asked();
    assert!(matches!(&request, RequestBody::Search(it) if it.words == "red tea"), "{request:?}");
    let entries = vec![entry("lobby", "bob", 77, "red tea")];
    world.reply(tag, Event::Found(Found { id: 0, entries, more: None, pending: None }));
    world.press(Key::Enter);
    assert!(world.app.list.is_none());
    serve_pages(&mut world, 5_000);
    assert_eq!(world.room("lobby").target, Some(77));
    assert!((70..=77).contains(&top_seq(&world)), "{}", top_seq(&world));
    assert!(numbers(&world).contains(&77));
    world.press(Key::Escape);
    serve_pages(&mut world, 5_000);
    assert_eq!(numbers(&world).last(), Some(&5_000));
}

/// protocol 8.1
#[test]
fn a_found_message_is_gone_to_although_what_was_said_after_it_fills_a_frame() {
    let mut world = World::new();
    (4_901..=5_000).for_each(|seq| world.hear("bob", seq, &seq.to_string()));
    world.line("/search tea");
    let (_, tag) = world.asked();
    let entries = vec![entry("lobby", "bob", 77, "tea")];
    world.reply(tag, Event::Found(Found { id: 0, entries, more: None, pending: None }));
    world.press(Key::Enter);
    let mut pages = 0;
    while world.room("lobby").loading.is_some() {
        let (RequestBody::History(it), tag) = world.asked() else { panic!("no history is asked for") };
        world.reply(tag, page(it.before, it.limit.unwrap().min(7), 5_000));
        pages += 1;
        assert!(pages < 10, "it asks for ever");
    }
    let numbers = numbers(&world);
    assert!(numbers.contains(&77) && numbers.contains(&78), "{numbers:?}");
    assert!((70..=77).contains(&top_seq(&world)), "{}", top_seq(&world));
}

#[test]
fn history_goes_as_many_messages_back() {
    let mut world = World::new();
    (4_901..=5_000).for_each(|seq| world.hear("bob", seq, &seq.to_string()));
    let serve = |world: &mut World| serve_pages(world, 5_000);
    world.line("/history 30");
    assert_eq!(serve(&mut world), 0, "it is all here");
    let top = top_seq(&world);
    world.line("/history 1000");
    serve(&mut world);
    assert_eq!(top_seq(&world), top - 1_000);
    assert_eq!(world.room("lobby").target, None, "nothing was looked for");
    world.line("/history");
    serve(&mut world);
    assert_eq!(top_seq(&world), top - 1_050);
    world.line("/history 9999999999");
    serve(&mut world);
    assert_eq!(top_seq(&world), 1);
}

#[test]
fn a_message_found_elsewhere_is_gone_to_once_the_room_is_entered() {
    let mut world = World::new();
    world.line("/search tea");
    let (_, tag) = world.asked();
    let entries = vec![entry("kitchen", "bob", 3, "tea")];
    world.reply(tag, Event::Found(Found { id: 0, entries, more: None, pending: None }));
    world.press(Key::Enter);
    let (request, tag) = world.asked();
    assert!(matches!(&request, RequestBody::Join(it) if it.room == "kitchen"), "{request:?}");
    world.tell(Update::Joined { tag: Some(tag), joined: joined("kitchen", 60, 110) });
    let (request, _) = world.asked();
    assert!(matches!(&request, RequestBody::History(it) if it.room == "kitchen"), "{request:?}");
    assert_eq!(world.app.room().map(|room| room.place.clone()), Some(Place::Room("kitchen".to_owned())));
}
