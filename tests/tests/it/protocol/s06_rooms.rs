//! Protocol, section 6: cursors, gaps, leaving, the list of rooms, and rooms that end.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::MemoryLog,
    server::Limits,
    wire::{Code, Event, Join, Leave, ListRooms, MAX_FRAME, Request, RequestBody, Rooms, Who, write},
};
use chat_testkit::{RawClient, virtual_time::VirtualTime};

use super::{
    TestServer, error,
    slow_log::{SlowLog, failing_server},
};

/// protocol 6.4
#[test]
fn a_cursor_of_another_log_is_said_to_be_void() {
    let time = VirtualTime::new(81);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let epoch = ana.join("lobby", Some(0)).await.epoch;
        for n in 1..=3 {
            ana.say("lobby", &n.to_string()).await;
        }
        ana.entries("lobby", 1..=3).await;
        for (after, known, reset) in [
            (2, None, false),
            (2, Some(epoch.as_str()), false),
            (3, Some(epoch.as_str()), false),
            (4, Some(epoch.as_str()), true),
            (4, None, true),
            (2, Some("another"), true),
        ] {
            let known = known.map(|it| it.to_owned().into());
            let join = |id| {
                Request::new(
                    id,
                    Join { room: "lobby".into(), after: Some(after), epoch: known, ..Join::default() },
                )
            };
            let Event::Joined(joined) = ana.ask(join).await else { panic!("a member may join again") };
            assert_eq!((joined.reset, joined.epoch.as_str()), (reset, epoch.as_str()));
            let from = if reset { 0 } else { after };
            assert_eq!(joined.after, from);
            if from < 3 {
                ana.entries("lobby", from + 1..=3).await;
            }
        }
    });
}

/// protocol 6.8
#[test]
fn nothing_of_a_room_follows_once_it_is_left() {
    let time = VirtualTime::new(64);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        ana.say("lobby", "hi").await;
        ana.entries("lobby", 1..=1).await;
        for frame in [
            r#"{"type":"replay","id":901,"room":"lobby","from":1,"to":1}"#,
            r#"{"type":"leave","id":902,"room":"lobby"}"#,
        ] {
            ana.send(frame).await;
        }
        while ana.event().await.unwrap().reply_to() != Some(902) {}
        assert!(!ana.has_heard(|it| matches!(it, Event::Entry(_))).await);
    });
}

/// A room lives as long as something is on its way to it, also when the last one has left.
#[test]
fn what_was_said_by_somebody_who_left_at_once_is_kept() {
    let time = VirtualTime::new(24);
    time.run(async {
        let server = TestServer::with(&time, Limits::default(), Arc::new(SlowLog::new(&time))).await;
        let mut ana = server.enter("ana", 1).await;
        for frame in [
            r#"{"type":"join","id":101,"room":"hall"}"#,
            r#"{"type":"say","id":102,"room":"hall","text":"x"}"#,
            r#"{"type":"leave","id":103,"room":"hall"}"#,
        ] {
            ana.send(frame).await;
        }
        ana.expect("ack", |it| (it.reply_to() == Some(102)).then_some(())).await;
        assert_eq!(ana.join("hall", Some(0)).await.head, 1);
        assert_eq!(ana.say("hall", "y").await.seq, 2);
        ana.entries("hall", 1..=2).await;
    });
}

/// protocol 6.7
#[test]
fn a_room_in_which_nothing_could_be_said_is_forgotten() {
    let time = VirtualTime::new(72);
    time.run(async {
        let server = failing_server(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":107,"room":"lobby","text":"hi"}"#).await;
        ana.send(r#"{"type":"leave","id":108,"room":"lobby"}"#).await;
        ana.expect("error", |it| error(it).filter(|(id, _)| *id == Some(107))).await;
        let who = ana.ask(|id| Request::new(id, Who { room: "lobby".into() })).await;
        assert_eq!(error(&who).map(|(_, code)| code), Some(Code::NoSuchRoom));
    });
}

/// protocol 6.10.1, 1.3
#[test]
fn a_list_of_rooms_is_as_long_as_fits_a_frame() {
    let time = VirtualTime::new(75);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let topic = "t".repeat(1024);
        for n in 0..64 {
            let room = format!("{n:02}{}", "r".repeat(62));
            ana.join(&room, None).await;
            let id = ana.next_id();
            ana.ask_as(id, format!(r#"{{"type":"topic","id":{id},"room":"{room}","text":"{topic}"}}"#)).await;
            ana.has_heard(|_| false).await;
            ana.forget();
        }
        match ana.ask(|id| Request::new(id, RequestBody::Rooms(Default::default()))).await {
            Event::Rooms(list) => {
                assert_eq!(list.total, 64);
                assert!((50..64).contains(&list.rooms.len()), "{}", list.rooms.len());
                let bytes = write(&Event::Rooms(list)).len();
                assert!((MAX_FRAME - 2000..=MAX_FRAME).contains(&bytes), "{bytes}");
            }
            other => panic!("{other:?}"),
        }
    });
}

/// Rooms with the longest topics, made by people who leave again.
async fn make_rooms(server: &TestServer, count: u64) {
    let topic = "t".repeat(1024);
    let mut writer = server.enter("writer", 900).await;
    for n in 0..count {
        let room = format!("room-{n:04}");
        writer.join(&room, None).await;
        let id = writer.next_id();
        writer.ask_as(id, format!(r#"{{"type":"topic","id":{id},"room":"{room}","text":"{topic}"}}"#)).await;
        writer.ask(|id| Request::new(id, Leave { room: room.into() })).await;
    }
}

async fn page(client: &mut RawClient, after: Option<String>) -> Rooms {
    match client.ask(|id| Request::new(id, ListRooms { after: after.map(Into::into) })).await {
        Event::Rooms(page) => page,
        other => panic!("{other:?}"),
    }
}

/// protocol 6.10.2, 6.10.3
#[test]
fn all_rooms_are_listed_page_by_page_and_each_once() {
    let time = VirtualTime::new(76);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        make_rooms(&server, 1250).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("room-0777", None).await;
        let (mut names, mut pages, mut after) = (Vec::new(), 0, None);
        loop {
            let page = page(&mut ana, after).await;
            assert_eq!(page.total, 1250);
            assert!(write(&Event::Rooms(page.clone())).len() <= MAX_FRAME);
            names.extend(page.rooms.into_iter().map(|room| room.room));
            pages += 1;
            after = match page.more {
                Some(more) => Some(more),
                None => break,
            };
        }
        assert_eq!(names[0], "room-0777", "the room with the most people first");
        assert!(names[1..].is_sorted());
        names.sort();
        let expected: Vec<_> = (0..1250).map(|n| format!("room-{n:04}")).collect();
        assert_eq!(names, expected);
        assert!((20..=24).contains(&pages), "{pages}");
    });
}

/// protocol 6.10.4
#[test]
fn a_list_goes_on_only_where_one_has_ended() {
    let time = VirtualTime::new(77);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        for after in ["", "lobby", "x lobby", "1 ", "-1 lobby", "1 a b"] {
            let list = |id| Request::new(id, ListRooms { after: Some(after.into()) });
            let refused = ana.ask(list).await;
            assert_eq!(error(&refused).map(|(_, code)| code), Some(Code::BadText), "{after:?}");
        }
        assert_eq!(page(&mut ana, Some("1 lobby".to_owned())).await.rooms, []);
    });
}

/// protocol 6.10.5
#[test]
fn a_long_list_is_kept_for_a_second_and_a_short_one_is_new() {
    for (rooms, is_kept) in [(63, false), (65, true)] {
        let time = VirtualTime::new(78);
        time.run(async {
            let server = TestServer::unlimited(&time).await;
            let mut ana = server.enter("ana", 1).await;
            let mut writer = server.enter("writer", 900).await;
            for n in 0..rooms {
                let room = format!("room-{n:04}");
                writer.join(&room, None).await;
                writer.say(&room, "hi").await;
                writer.ask(|id| Request::new(id, Leave { room: room.into() })).await;
            }
            let before = page(&mut ana, None).await;
            assert_eq!((before.rooms.len(), before.total), (rooms, rooms as u64));
            writer.join("room-0050", None).await;
            let kept = page(&mut ana, None).await;
            assert_eq!(kept.rooms == before.rooms, is_kept);
            time.pass(Duration::from_secs(1)).await;
            assert_eq!(page(&mut ana, None).await.rooms[0].room, "room-0050");
        });
    }
}

/// protocol 6.5
#[test]
fn what_the_log_let_go_of_is_told_and_not_skipped() {
    let time = VirtualTime::new(14);
    time.run(async {
        let server =
            TestServer::with(&time, Limits::default().unlimited(), Arc::new(MemoryLog::new(10_000, 7))).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=100 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        let mut bob = server.enter("bob", 2).await;
        let joined = bob.join("lobby", Some(3)).await;
        assert!(joined.oldest > 50 && joined.head == 100 && joined.after == 3, "{joined:?}");
        let gap =
            bob.expect("gap", |it| if let Event::Gap(gap) = it { Some(gap.clone()) } else { None }).await;
        assert_eq!((gap.from, gap.to), (4, joined.oldest - 1));
        bob.entries("lobby", joined.oldest..=100).await;
        let mut cleo = server.enter("cleo", 3).await;
        let joined = cleo.join("lobby", None).await;
        assert_eq!(joined.after, joined.oldest - 1, "who asked for nothing older is told of no gap");
        cleo.entries("lobby", joined.oldest..=100).await;
    });
}
