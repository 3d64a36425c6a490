//! Asked for twice, too far, too much or too late: what is answered, and what comes first.

use std::sync::Arc;

use chat_core::{
    Runtime,
    log::MemoryLog,
    server::Limits,
    transport::Transport,
    wire::{Ack, Code, Error, Event, History, Join, MAX_FRAME, Page, Request, Tell, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::SinkExt;

use super::{Hall, SECOND};

async fn hall(time: &VirtualTime) -> Hall {
    Hall::with(time, Limits::default().unlimited(), Arc::new(MemoryLog::new(1 << 24, 7))).await
}

/// protocol 6.4
#[test]
fn a_cursor_of_another_log_is_said_to_be_void() {
    let time = VirtualTime::new(81);
    time.run(async {
        let hall = hall(&time).await;
        let mut ana = hall.enter("ana", 1).await;
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
                Request::Join(Join {
                    id,
                    room: "lobby".into(),
                    after: Some(after),
                    recent: None,
                    epoch: known,
                })
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

async fn page(client: &mut RawClient, before: Option<u64>, limit: u64) -> Page {
    let history = |id| Request::History(History { id, room: "lobby".into(), before, limit: Some(limit) });
    match client.ask(history).await {
        Event::Page(page) => page,
        other => panic!("{other:?}"),
    }
}

/// protocol 8.1, 8.2
#[test]
fn a_page_has_a_hundred_entries_or_what_fits_a_frame() {
    let time = VirtualTime::new(82);
    time.run(async {
        let hall = hall(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=150 {
            ana.say("lobby", "short").await;
            ana.entries("lobby", n..=n).await;
        }
        let numbers = |page: &Page| page.entries.iter().map(|it| it.seq).collect::<Vec<_>>();
        assert_eq!(numbers(&page(&mut ana, None, 1000).await), Vec::from_iter(51..=150));
        assert_eq!(numbers(&page(&mut ana, Some(51), 1000).await), Vec::from_iter(1..=50));
        assert_eq!(numbers(&page(&mut ana, Some(1), 1000).await), [0_u64; 0]);
        for n in 151..=170 {
            ana.say("lobby", &"\n".repeat(8192)).await; // each byte is two when it is written
            ana.entries("lobby", n..=n).await;
        }
        let page = page(&mut ana, None, 20).await;
        assert_eq!(numbers(&page), [168, 169, 170], "the newest that fit");
        assert!(write(&Event::Page(page)).len() <= MAX_FRAME);
    });
}

/// protocol 5.4, 5.5, 10.1
#[test]
fn a_tell_that_comes_again_is_told_once_and_another_under_its_id_is_a_conflict() {
    let time = VirtualTime::new(83);
    time.run(async {
        let hall = hall(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
        let _cleo = hall.enter("cleo", 3).await;
        let tell = |to: &str, text: &str| {
            let (to, text) = (to.to_owned().into(), text.to_owned().into());
            write(&Request::Tell(Tell { id: 40, to, text, order: None, bot: false }))
        };
        let Event::Ack(first) = ana.ask_as(40, tell("bob", "psst")).await else { panic!("bob is here") };
        let Event::Ack(again) = ana.ask_as(40, tell("bob", "psst")).await else { panic!("it is known") };
        assert_eq!(again, Ack { ..first });
        for other in [tell("bob", "PSST"), tell("cleo", "psst")] {
            let answer = ana.ask_as(40, other).await;
            assert!(matches!(answer, Event::Error(Error { code: Code::Conflict, .. })), "{answer:?}");
        }
        for client in [&mut ana, &mut bob] {
            client.entries("@", 1..=1).await;
            assert!(!client.has_heard(|it| matches!(it, Event::Entry(_))).await, "once is enough");
        }
    });
}

/// protocol 12.2
#[test]
fn what_was_asked_before_a_bad_frame_is_answered_before_its_error() {
    let time = VirtualTime::new(84);
    time.run(async {
        let hall = hall(&time).await;
        let mut link = hall.memory.dial(&hall.address).await.unwrap();
        let hello = write(&Request::Hello(hello("ana", 1)));
        for frame in [hello, r#"{"type":"ping","id":7}"#.into(), r#"{"type":"ping""#.into()] {
            link.feed(frame).await.unwrap();
        }
        let mut ana = RawClient::new(link, hall.memory.promises(), time.shared());
        let rest = ana.rest().await;
        assert!(matches!(&rest[..], [Event::Welcome(_), Event::Pong(_), Event::Error(_)]), "{rest:?}");
    });
}

/// protocol 12.7
#[test]
fn a_server_that_stops_waits_for_nobody_longer_than_it_was_told() {
    let time = VirtualTime::new(85);
    time.run(async {
        let limits = Limits { drain_within: SECOND * 3, ..Limits::default().unlimited() };
        let hall = Hall::with(&time, limits, Arc::new(MemoryLog::new(1 << 24, 7))).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut stuck = hall.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        stuck.join("lobby", Some(0)).await;
        for n in 1..=300 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        drop(ana);
        let began = time.now();
        hall.server.stop().await;
        let took = time.now() - began;
        assert!((SECOND * 3..SECOND * 4).contains(&took), "{took:?}");
    });
}
