//! Every request has its reply, in the form the protocol gives it.

use chat_core::wire::{
    Code, EntryFrame, EntryKind, Event, History, INBOX, Leave, Page, Pong, Post, Replay, Replayed, Request,
    RequestBody, Search, Who,
};

use super::{Subject, test_server::TestServer};
use crate::RawClient;

/// Who is in a room, and how many. (protocol 9.2)
pub async fn who_lists_the_members(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let _bob = server.enter_room("bob", 2, "lobby").await;
    let _cleo = server.enter_room("cleo", 3, "kitchen").await;
    let Event::Members(mut members) = ana.ask(|id| Request::new(id, Who { room: "lobby".into() })).await
    else {
        panic!("who is answered with the members")
    };
    members.members.sort();
    assert_eq!((members.room.as_str(), members.present), ("lobby", 2));
    assert_eq!(members.members, ["ana", "bob"]);
}

/// Which rooms there are, those with the most people first. (protocol 6.10)
pub async fn rooms_lists_the_rooms(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "kitchen").await;
    let _bob = server.enter_room("bob", 2, "lobby").await;
    ana.join("lobby", Some(0)).await;
    ana.say("kitchen", "hungry?").await;
    ana.entries("kitchen", 1..=1).await;
    let Event::Rooms(rooms) = ana.ask(|id| Request::new(id, RequestBody::Rooms(Default::default()))).await
    else {
        panic!("rooms is answered with the rooms")
    };
    let lines: Vec<_> = rooms.rooms.iter().map(|it| (it.room.as_str(), it.present, it.head)).collect();
    assert_eq!((lines, rooms.total), (vec![("lobby", 2, 0), ("kitchen", 1, 1)], 2));
}

/// A topic is stored and read like a message, and told to whoever joins later. (protocol 7.4)
pub async fn a_topic_is_an_entry_and_is_remembered(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    ana.say("lobby", "before").await;
    let topic = |id| Request::new(id, Post::topic("lobby", "tea at four"));
    let Event::Ack(ack) = ana.ask(topic).await else { panic!("a topic is acknowledged") };
    assert_eq!((ack.room.as_str(), ack.seq), ("lobby", 2));
    let entry = &bob.entries("lobby", 1..=2).await[1];
    assert_eq!(
        (entry.body.kind.clone(), entry.author.name.as_str(), entry.body.text.as_str()),
        (EntryKind::Topic, "ana", "tea at four")
    );
    let (mut cleo, _) = server.enter("cleo", 3).await;
    assert_eq!(cleo.join("lobby", Some(0)).await.topic, "tea at four");
}

/// Older entries come in pages, each in ascending order, until there are none. (protocol 8.1)
pub async fn history_gives_pages_backwards(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    for number in 1..=10 {
        ana.say("lobby", &format!("{number}")).await;
    }
    let live = ana.entries("lobby", 1..=10).await;
    let mut read = Vec::new();
    let mut before = None;
    for expected in [&[7, 8, 9, 10][..], &[3, 4, 5, 6], &[1, 2], &[]] {
        let page = page(&mut ana, before, 4).await;
        assert_eq!(page.room, "lobby");
        assert_eq!(page.entries.iter().map(|it| it.seq).collect::<Vec<u64>>(), expected);
        before = page.entries.first().map(|it| it.seq).or(Some(1));
        read.splice(0..0, page.entries);
    }
    assert_eq!(read, live, "a page holds what was read live");
}

/// Entries asked for again come as they came at first, and then the word that they did. (protocol 8.3)
pub async fn a_replay_sends_entries_again(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    for number in 1..=8 {
        ana.say("lobby", &format!("{number}")).await;
    }
    let first = ana.entries("lobby", 1..=8).await;
    let replay = |from, to| move |id| Request::new(id, Replay { room: "lobby".into(), from, to });
    let Event::Replayed(Replayed { from, to, .. }) = ana.ask(replay(3, 5)).await else {
        panic!("a replay ends with a word")
    };
    assert_eq!((from, to), (3, 5));
    assert_eq!(ana.entries("lobby", 3..=5).await, first[2..5]);
    let Event::Replayed(Replayed { from, to, .. }) = ana.ask(replay(7, 20)).await else {
        panic!("a replay ends with a word")
    };
    assert_eq!((from, to), (7, 8), "there is nothing after the head");
    assert_eq!(ana.entries("lobby", 7..=8).await, first[6..8]);
}

/// What was said is found by its words, from outside the room as well, in pages that fit a frame. (protocol 8.7,
/// protocol 8.10)
pub async fn a_search_finds_words_anywhere(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let (mut bob, _) = server.enter("bob", 2).await;
    for number in 1..=9 {
        ana.say("lobby", &format!("Café {number} {}", ". ".repeat(4000))).await;
        ana.say("lobby", "喝茶").await;
    }
    let (mut read, mut before) = (Vec::new(), None);
    loop {
        let search = |id| Request::new(id, Search { words: "cafe".into(), before, ..Search::default() });
        let Event::Found(found) = bob.ask(search).await else {
            panic!("a search is answered with what was found")
        };
        read.extend(found.entries.iter().map(|it| it.seq));
        before = found.more;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(read, [17, 15, 13, 11, 9, 7, 5, 3, 1], "newest first");
}

/// What a program says is marked for everybody who reads it, however they come by it. (protocol 7.7, protocol 5.5)
pub async fn what_a_program_says_is_marked(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut bot = server.enter_room("echo", 1, "lobby").await;
    let mut ana = server.enter_room("ana", 2, "lobby").await;
    let said = |id, bot| Request::new(id, Post::say("lobby", "HI").by_bot(bot));
    let id = bot.next_id();
    let first = bot.ask_as(id, chat_core::wire::write(&said(id, true))).await;
    assert!(matches!(first, Event::Ack(_)), "{first:?}");
    assert_eq!(bot.ask_as(id, chat_core::wire::write(&said(id, true))).await, first);
    let unmarked = bot.ask_as(id, chat_core::wire::write(&said(id, false))).await;
    assert!(matches!(&unmarked, Event::Error(it) if it.code == Code::Conflict), "{unmarked:?}");
    assert!(matches!(ana.ask(|id| said(id, false)).await, Event::Ack(_)));
    let marks = |entries: &[EntryFrame]| entries.iter().map(|it| it.author.bot).collect::<Vec<_>>();
    let marked = [true, false];
    assert_eq!(marks(&ana.entries("lobby", 1..=2).await), marked, "as it is said");
    assert_eq!(marks(&page(&mut ana, None, 9).await.entries), marked, "in the history");
    let replay = ana.ask(|id| Request::new(id, Replay { room: "lobby".into(), from: 1, to: 2 })).await;
    assert!(matches!(replay, Event::Replayed(_)), "{replay:?}");
    let (words, room) = ("hi".into(), Some("lobby".into()));
    let search = |id| Request::new(id, Search { words, room, ..Search::default() });
    let Event::Found(found) = ana.ask(search).await else { panic!("a search is answered") };
    assert_eq!(marks(&found.entries), [false, true], "and when it is looked for");
    let tell = |id| Request::new(id, Post::tell("ana", "HI").by_bot(true));
    assert!(matches!(bot.ask(tell).await, Event::Ack(_)));
    for reader in [&mut ana, &mut bot] {
        assert_eq!(marks(&reader.entries(INBOX, 1..=1).await), [true], "in both inboxes");
    }
}

/// What is told to one person is read by that person and the teller, wherever they are, and by nobody else. (protocol 10.1, protocol 10.2)
pub async fn a_tell_reaches_one_person(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut ana, _) = server.enter("ana", 1).await;
    let (mut bob, _) = server.enter("bob", 2).await;
    let (mut cleo, _) = server.enter("cleo", 3).await;
    let tell = |id| Request::new(id, Post::tell("bob", "psst"));
    let Event::Ack(ack) = ana.ask(tell).await else { panic!("a tell is acknowledged") };
    assert_eq!((ack.room.as_str(), ack.seq), (INBOX, 1));
    for reader in [&mut ana, &mut bob] {
        let entry = reader.entries(INBOX, 1..=1).await.remove(0);
        assert_eq!(
            (entry.author.name.as_str(), entry.to.as_deref(), entry.body.text.as_str()),
            ("ana", Some("bob"), "psst")
        );
    }
    assert!(!cleo.has_heard(|event| matches!(event, Event::Entry(_))).await, "cleo was told nothing");
}

/// A ping is answered, by its number. (protocol 5.1)
pub async fn a_ping_is_answered(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut ana, _) = server.enter("ana", 1).await;
    let id = 9_007_199_254_740_991; // the largest number there is
    assert_eq!(ana.ask_as(id, format!(r#"{{"id":{id},"type":"ping"}}"#)).await, Event::Pong(Pong { id }));
    let id = ana.next_id();
    let pong = ana.ask_as(id, chat_core::wire::write(&Request::new(id, RequestBody::Ping))).await;
    assert_eq!(pong, Event::Pong(Pong { id }));
    ana.join("lobby", None).await;
    let left = ana.ask(|id| Request::new(id, Leave { room: "lobby".into() })).await;
    assert!(matches!(&left, Event::Left(left) if left.room == "lobby"), "{left:?}");
}

async fn page(client: &mut RawClient, before: Option<u64>, limit: u64) -> Page {
    let history =
        |id| Request::new(id, History { room: "lobby".into(), before, limit: Some(limit), hashes: false });
    match client.ask(history).await {
        Event::Page(page) => page,
        other => panic!("history was answered with {other:?}"),
    }
}
