//! What is drawn, at several sizes.

use std::time::Duration;

use chat_core::{
    KeyId,
    client::Update,
    wire::{Author, EntryFrame, Event, Found},
};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend};

use super::{
    super::tests::{World, entry},
    draw,
};
use crate::edit::{Key, Way};

fn drawn(world: &mut World, columns: u16, rows: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    world.app.resized((columns, rows));
    let now = world.now;
    terminal.draw(|frame| draw(&world.app, now, frame)).unwrap();
    if columns == 0 || rows == 0 {
        return Vec::new(); // and nothing to read there
    }
    // What is not text in it tells of cells behind wide characters.
    let shown = terminal.backend().to_string();
    let rows = shown.lines().map(|row| row.trim_start_matches('"').split('"').next().unwrap_or_default());
    rows.map(|row| row.trim_end().to_owned()).collect()
}

#[test]
fn everything_has_its_place() {
    let mut world = World::new();
    world.hear("bob", 1, "soup, ana?");
    world.hear("bob", 2, "中文 and 👩\u{200d}👧, e\u{301}");
    world.line("yes");
    assert_eq!(
        drawn(&mut world, 80, 12),
        [
            "lobby  tea",
            "1 lobby                                                             2 here",
            "                                                                    ana",
            "                                                                    bob",
            "                 ───────────── Wednesday 2024-11-20 ──────────────",
            "                 bob 10:53",
            "                 ! soup, ana?",
            "                   中文 and 👩\u{200d}👧, e\u{301}",
            "                 ana",
            "                 ~ yes",
            " ana at tcp://10.0.0.1:7000                               ? for help  connected",
            ">",
        ]
    );
}

#[test]
fn small_screens_show_less_and_the_smallest_say_so() {
    let mut world = World::new();
    world.hear("bob", 1, "hello");
    let little = drawn(&mut world, 30, 6);
    assert_eq!(little[4..], ["  hello", ">"]);
    assert!(!little.join("\n").contains("tcp://"));
    assert_eq!(drawn(&mut world, 19, 10)[0], "too small");
    assert_eq!(drawn(&mut world, 5, 1), ["too …".to_owned()]);
}

#[test]
fn a_list_says_before_that_somebody_is_going_to_be_seen() {
    let mut world = World::new();
    world.line("/search tea");
    let (_, tag) = world.asked();
    let entries = vec![entry("kitchen", "bob", 3, "tea"), entry("lobby", "bob", 1, "tea")];
    world.tell(Update::Reply {
        tag,
        reply: Event::Found(Found { id: 0, entries, more: None, pending: None }),
    });
    assert!(drawn(&mut world, 80, 12)[0].contains("Enter joins kitchen, where others see you"));
    world.press(Key::Line(Way::Down));
    assert!(drawn(&mut world, 80, 12)[0].contains("Up, Down, Enter"));
}

#[test]
fn what_is_new_is_marked() {
    let mut world = World::new();
    world.hear("bob", 1, "old");
    world.app.focused(false);
    world.hear("bob", 2, "fresh");
    world.app.focused(true);
    let screen = drawn(&mut world, 60, 12).join("\n");
    let (old, mark, fresh) = (screen.find("old"), screen.find("─ new ─"), screen.find("fresh"));
    assert!(old < mark && mark < fresh && old.is_some(), "{screen}");
}

#[test]
fn what_a_program_says_is_told_from_what_its_namesake_says() {
    let mut world = World::new();
    world.hear("echo", 1, "by hand");
    let by_bot = EntryFrame {
        author: Author { identity: Some(KeyId([7; 32])), ..Author::bot("echo") },
        ..entry("lobby", "echo", 2, "by a program")
    };
    world.tell(Update::Entry(by_bot));
    let screen = drawn(&mut world, 60, 12);
    let heads: Vec<&str> = screen.iter().filter_map(|line| line.find("echo").map(|at| &line[at..])).collect();
    assert_eq!(heads, ["echo 10:53", "echo bot 10:53"], "{screen:#?}");
}

#[test]
fn the_status_counts_down() {
    let mut world = World::new();
    world.tell(Update::Disconnected { why: "gone".to_owned(), retry_in: Duration::from_secs(3) });
    world.line("hi");
    assert!(drawn(&mut world, 90, 12)[10].ends_with("1 waiting, reconnecting… next try in 3 s (gone)"));
    world.now += Duration::from_secs(2);
    assert!(drawn(&mut world, 90, 12)[10].ends_with("next try in 1 s (gone)"));
}

#[test]
fn nobody_stands_at_the_left_edge_but_the_names() {
    let mut world = World::new();
    world.hear("evil", 1, "x\nadmin 12:00\n  send it\u{1b}[2J\u{202e}");
    let screen = drawn(&mut world, 60, 12);
    let at = |text: &str| screen.iter().find_map(|line| line.find(text)).unwrap();
    assert!(at("admin 12:00") > at("evil 10:53"), "{screen:#?}");
    assert!(screen.join("").contains("␛[2J\\u{202e}"), "{screen:#?}");
}

#[test]
fn without_colours_there_are_none() {
    let mut world = World::new();
    world.app.theme.colours = false;
    world.hear("bob", 1, "soup, ana?");
    world.tell(Update::Disconnected { why: "gone".to_owned(), retry_in: Duration::from_secs(3) });
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| draw(&world.app, world.now, frame)).unwrap();
    let cells = terminal.backend().buffer().content();
    let reset = ratatui::style::Color::Reset;
    assert!(cells.iter().all(|cell| cell.fg == reset && cell.bg == reset));
    world.app.theme.colours = true;
    terminal.draw(|frame| draw(&world.app, world.now, frame)).unwrap();
    let cells = terminal.backend().buffer().content();
    assert!(cells.iter().any(|cell| cell.fg != reset) && cells.iter().all(|cell| cell.bg == reset));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_size_and_no_text_is_too_much(
        sizes in proptest::collection::vec((0_u16..130, 0_u16..50), 1..6),
        texts in proptest::collection::vec("([a-c 中é🇩\n\u{1b}]|[a-e]{30}|e\u{301}|❤\u{fe0f}|👩\u{200d}👧){0,60}", 1..8),
        scrolled in 0_usize..5,
        helped in any::<bool>(),
    ) {
        let mut world = World::new();
        for (seq, text) in (1..).zip(&texts) {
            world.hear("bob", seq, text);
            world.app.on_paste(text);
        }
        if helped {
            world.press(Key::Help);
        }
        for (columns, rows) in sizes {
            world.app.resized((columns, rows));
            (0..scrolled).for_each(|_| world.press(Key::Page(Way::Up)));
            drawn(&mut world, columns, rows);
            world.press(Key::Page(Way::Down));
        }
    }
}
