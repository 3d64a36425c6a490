//! The state, without a terminal: what is told and what is pressed, and what follows from it.

use std::time::{Duration, Instant};

use chat_core::{
    KeyId,
    client::Update,
    wire::{
        Ack, Author, Body, Code, EntryFrame, EntryKind, Error, Event, INBOX, Joined, Left, LimitsFrame,
        Presence, RequestBody, Target, Welcome,
    },
};
use chat_front::{Conversation, conversation::Action};
use jiff::tz::TimeZone;

use super::{
    app::{App, Effect, Link},
    backlog::Item,
    room::{RoomView, Sent},
    theme::Theme,
};
use crate::edit::{Key, Move, Way};

mod completing;
mod reading;
mod renaming;

/// A state, its clock, and what it has asked.
pub(super) struct World {
    pub(super) app: App,
    pub(super) now: Instant,
}

impl World {
    /// In the lobby, of which everything was read.
    pub(super) fn new() -> World {
        let server = "tcp://10.0.0.1:7000".parse().unwrap();
        let mut app = App::new(Conversation::new(server), &["lobby"], Theme { colours: true }, TimeZone::UTC);
        app.resized((80, 24));
        let mut world = World { app, now: Instant::now() };
        let (_, tag) = world.asked();
        world.tell(Update::Connected(welcome("ana", false)));
        world.tell(Update::Joined { tag: Some(tag), joined: joined("lobby", 0, 0) });
        world
    }

    pub(super) fn tell(&mut self, update: Update) {
        self.app.on_update(update, self.now);
    }

    pub(super) fn press(&mut self, key: Key) {
        self.app.on_key(key, self.now);
    }

    pub(super) fn line(&mut self, line: &str) {
        self.app.on_paste(line);
        self.press(Key::Enter);
    }

    /// The one request that was asked since the last look.
    pub(super) fn asked(&mut self) -> (RequestBody<'static>, u64) {
        let mut asked = self.take_actions().into_iter().filter_map(|action| match action {
            Action::Ask(request, tag) => Some((request, tag)),
            _ => None,
        });
        let one = asked.next().expect("something is asked");
        assert_eq!(asked.next(), None);
        one
    }

    /// What the conversation wants to be done now.
    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.app.conversation.next_action()).collect()
    }

    pub(super) fn hear(&mut self, from: &str, seq: u64, text: &str) {
        self.tell(Update::Entry(entry("lobby", from, seq, text)));
    }

    fn reply(&mut self, tag: u64, reply: Event) {
        self.tell(Update::Reply { tag, reply });
    }

    fn room(&self, title: &str) -> &RoomView {
        self.app.rooms.iter().find(|room| room.place.title() == title).expect("it is there")
    }

    fn texts(&self, title: &str) -> Vec<String> {
        let room = self.room(title);
        let said = (0..room.backlog.len()).filter_map(|at| match room.backlog.get(at) {
            Some(Item::Said(said)) => Some(said.text.to_string()),
            _ => None,
        });
        said.chain(room.outgoing.iter().map(|message| format!("{:?} {}", message.state, message.text)))
            .collect()
    }
}

fn welcome(name: &str, resumed: bool) -> Welcome {
    let (server, resume) = ("chat".to_owned(), String::new());
    Welcome {
        protocol: 1,
        name: name.to_owned(),
        server,
        resume,
        resumed,
        at: None,
        limits: LimitsFrame::default(),
    }
}

fn joined(room: &str, after: u64, head: u64) -> Joined {
    Joined {
        id: 0,
        room: room.to_owned(),
        epoch: "e".to_owned(),
        oldest: 1,
        head,
        after,
        reset: false,
        topic: "tea".to_owned(),
        version: 1,
        members: vec!["ana".to_owned(), "bob".to_owned()],
        present: 2,
        guests: Default::default(),
    }
}

pub(super) fn entry(room: &str, from: &str, seq: u64, text: &str) -> EntryFrame {
    EntryFrame {
        room: room.to_owned(),
        seq,
        author: Author { identity: Some(KeyId([7; 32])), ..Author::person(from) },
        to: None,
        at: 1_732_100_000_000 + seq * 1000,
        body: Body::message(text),
    }
}

fn refused(message: &str) -> Event {
    Event::Error(Error::of(None, Code::Busy, message))
}

fn ack(seq: u64) -> Event {
    Event::Ack(Ack { id: 0, room: "lobby".to_owned(), seq, at: 0 })
}

#[test]
fn what_is_said_is_there_at_once_and_never_twice() {
    for entry_comes_first in [false, true] {
        let mut world = World::new();
        world.line("hi");
        let (request, tag) = world.asked();
        assert!(matches!(&request, RequestBody::Post(say) if say.text == "hi"), "{request:?}");
        assert_eq!(world.texts("lobby"), ["Pending hi"]);
        if entry_comes_first {
            world.hear("ana", 1, "hi");
            assert_eq!(world.texts("lobby"), ["hi"]);
            world.reply(tag, ack(1));
        } else {
            world.reply(tag, ack(1));
            assert_eq!(world.texts("lobby"), ["Stored(1) hi"]);
            world.hear("ana", 1, "hi");
        }
        assert_eq!(world.texts("lobby"), ["hi"]);
        assert_eq!(world.app.conversation.unanswered(), 0);
    }
}

#[test]
fn what_was_refused_says_why_and_is_sent_again_by_a_key_or_forgotten() {
    let mut world = World::new();
    world.line("hi");
    let (_, tag) = world.asked();
    world.reply(tag, refused("too fast"));
    assert_eq!(world.texts("lobby"), ["Failed(\"too fast\") hi"]);
    world.press(Key::SendAgain);
    let (_, again) = world.asked();
    assert!(again > tag);
    assert_eq!(world.texts("lobby"), ["Pending hi"]);
    world.reply(again, refused("too fast"));
    world.press(Key::Drop);
    assert_eq!(world.texts("lobby"), [""; 0]);
}

#[test]
fn what_was_not_seen_is_counted_marked_and_rung_for() {
    let mut world = World::new();
    world.line("/join kitchen");
    let (_, tag) = world.asked();
    world.tell(Update::Joined { tag: Some(tag), joined: joined("kitchen", 0, 0) });
    world.hear("bob", 1, "nothing");
    assert!(!world.app.take_bell());
    world.hear("bob", 2, "soup, Ana?");
    world.hear("bob", 3, "banana");
    assert!(world.app.take_bell());
    assert_eq!((world.room("lobby").unread, world.room("lobby").mentions), (3, 1));
    world.press(Key::Room(0));
    assert_eq!((world.room("lobby").unread, world.room("lobby").mark), (0, Some(0)));
    world.hear("bob", 4, "here");
    assert_eq!(world.room("lobby").unread, 0);
    world.press(Key::NextRoom(Way::Down));
    assert_eq!(world.room("lobby").mark, None);
    world.press(Key::NextRoom(Way::Down));
    assert_eq!(world.room("lobby").mark, None, "nothing is new");
    world.app.focused(false);
    world.hear("bob", 5, "anybody?");
    assert_eq!(world.room("lobby").unread, 1, "the window is not looked at");
    world.app.focused(true);
    assert_eq!((world.room("lobby").unread, world.room("lobby").mark), (0, Some(4)));
}

#[test]
fn what_a_room_held_is_no_news() {
    let mut world = World::new();
    world.line("/join kitchen");
    let (_, tag) = world.asked();
    world.press(Key::Room(0));
    world.tell(Update::Joined { tag: Some(tag), joined: joined("kitchen", 7, 9) });
    for seq in 8..=10 {
        world.tell(Update::Entry(entry("kitchen", "bob", seq, "ana")));
    }
    assert_eq!((world.room("kitchen").unread, world.room("kitchen").mentions), (1, 1));
}

#[test]
fn direct_messages_are_a_conversation_with_each_person() {
    let mut world = World::new();
    let direct = |from: &str, to: &str, seq, text: &str| {
        let to = Some(to.to_owned());
        Update::Entry(EntryFrame { to, ..entry(INBOX, from, seq, text) })
    };
    world.tell(direct("bob", "ana", 1, "psst"));
    assert!(world.app.take_bell());
    assert_eq!(world.room("@bob").unread, 1);
    world.press(Key::Room(1));
    world.line("yes?");
    let (request, tag) = world.asked();
    assert!(
        matches!(&request, RequestBody::Post(it) if it.to == Target::Person("bob".into())),
        "{request:?}"
    );
    world.tell(direct("ana", "bob", 2, "yes?"));
    world.reply(tag, Event::Ack(Ack { id: 0, room: INBOX.to_owned(), seq: 2, at: 0 }));
    assert_eq!(world.texts("@bob"), ["psst", "yes?"]);
    world.line("/msg eve hi");
    world.asked();
    assert_eq!(world.app.room().map(|room| room.place.title()).as_deref(), Some("@eve"));
    // Another session has another inbox.
    world.tell(Update::Connected(welcome("ana", false)));
    world.tell(direct("bob", "ana", 1, "again"));
    assert_eq!(world.texts("@bob"), ["psst", "yes?", "again"]);
    assert_eq!(world.room("@bob").unread, 1);
}

#[test]
fn whoever_writes_under_a_thousand_names_fills_no_memory() {
    let mut world = World::new();
    world.line("/msg bob");
    world.app.on_paste("a draft");
    world.press(Key::Room(0));
    for seq in 1..=1_000 {
        let to = Some("ana".to_owned());
        let from = format!("eve{seq}");
        world.tell(Update::Entry(EntryFrame { to, ..entry(INBOX, &from, seq, "psst") }));
        assert_eq!(world.app.room().map(|room| room.place.title()).as_deref(), Some("lobby"));
    }
    assert_eq!(world.app.rooms.len(), super::app::MOST_ROOMS);
    assert_eq!(world.room("@bob").draft.text(), "a draft");
    assert_eq!(world.texts("@eve1000"), ["psst"]);
}

#[test]
fn a_lost_link_is_counted_down_and_nothing_written_is_lost() {
    let mut world = World::new();
    world.tell(Update::Disconnected { why: "gone".to_owned(), retry_in: Duration::from_millis(2_500) });
    assert!(matches!(world.app.link, Link::Lost { .. }));
    let next = world.app.poll_timeout(world.now).unwrap();
    assert_eq!(next - world.now, Duration::from_millis(500));
    world.line("one");
    assert_eq!(world.texts("lobby"), ["Pending one"]);
    assert!(matches!(world.take_actions()[..], [Action::Ask(RequestBody::Post(_), _)]));
    world.tell(Update::Connected(welcome("ana", true)));
    assert_eq!(world.app.link, Link::Up);
    assert_eq!(world.room("lobby").outgoing[0].state, Sent::Pending);
}

#[test]
fn lines_are_completed_walked_and_kept_for_each_room() {
    let mut world = World::new();
    let draft = |world: &World| world.app.room().unwrap().draft.text().to_owned();
    let presence = Presence {
        room: "lobby".to_owned(),
        since: 1,
        version: 2,
        entered: vec!["bea".to_owned()],
        left: Vec::new(),
        guests: Default::default(),
    };
    world.tell(Update::Presence(presence));
    world.press(Key::Char('B'));
    for completed in ["bea: ", "bob: ", "bea: "] {
        world.press(Key::Complete(Way::Down));
        assert_eq!(draft(&world), completed);
    }
    world.press(Key::Delete(Move::LineStart));
    world.app.on_paste("/to");
    world.press(Key::Complete(Way::Down));
    assert_eq!(draft(&world), "/topic ");
    world.line("soup");
    world.asked();
    world.line("/msg bob");
    world.app.on_paste("a draft");
    world.press(Key::Room(0));
    assert_eq!(draft(&world), "");
    world.press(Key::Line(Way::Up));
    world.press(Key::Line(Way::Up));
    assert_eq!(draft(&world), "/topic soup");
    world.press(Key::Room(1));
    assert_eq!(draft(&world), "a draft");
}

#[test]
fn what_is_pasted_is_one_text_and_never_keys() {
    let mut world = World::new();
    world.app.on_paste("one\r\ntwo\x1b[201~\r/quit\x03");
    assert_eq!(world.take_actions(), []);
    world.press(Key::Enter);
    let (request, _) = world.asked();
    assert!(matches!(&request, RequestBody::Post(it) if it.text == "one\ntwo\n/quit"), "{request:?}");
}

#[test]
fn an_empty_line_is_left_and_a_line_given_up() {
    for key in [Key::Cancel, Key::EndOfInput] {
        let mut world = World::new();
        world.press(Key::Char('x'));
        world.press(Key::Move(Move::LineStart));
        world.press(key);
        assert_eq!(world.app.take_effects(), [], "{key:?}");
        world.press(key);
        assert_eq!(world.app.take_effects(), [Effect::Quit], "{key:?}");
    }
}

#[test]
fn without_a_room_nothing_is_said_until_one_is_entered() {
    let mut world = World::new();
    world.line("/leave");
    let (_, tag) = world.asked();
    world.reply(tag, Event::Left(Left { id: 0, room: "lobby".to_owned() }));
    world.line("hello?");
    assert_eq!(world.take_actions(), []);
    assert_eq!(world.app.room().map(|room| room.draft.text()), Some("hello?"), "it is not lost");
    world.press(Key::Cancel);
    world.line("/join kitchen");
    world.asked();
    assert_eq!(world.app.rooms.len(), 1);
    world.press(Key::Char('?'));
    assert!(world.app.list.is_some());
    world.press(Key::Char('?'));
    assert!(world.app.list.is_none());
    assert_eq!(world.app.room().map(|room| room.draft.text()), Some("?"));
}

/// protocol 14.1
#[test]
fn an_entry_of_a_later_kind_shows_its_text_or_nothing_and_counts() {
    let mut world = World::new();
    let later = |seq, text| {
        let body = Body { kind: EntryKind::of("mark"), ..Body::message(text) };
        Update::Entry(EntryFrame { body, ..entry("lobby", "bob", seq, "") })
    };
    world.app.focused(false);
    world.tell(later(1, "ana, look"));
    assert!(world.app.take_bell());
    world.tell(later(2, ""));
    assert!(!world.app.take_bell());
    world.hear("bob", 3, "hello");
    assert_eq!(world.texts("lobby"), ["ana, look", "hello"]);
    assert_eq!((world.room("lobby").unread, world.room("lobby").backlog.head()), (2, 3));
    assert!(world.room("lobby").backlog.is_at_head());
    assert_eq!(world.room("lobby").backlog.len(), 3);
    world.line("/history 9");
    assert_eq!(world.take_actions(), [], "nothing is missing");
}
