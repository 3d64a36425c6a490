//! Protocol, section 8: pages of history and replays.

mod damaged;
mod hashes;
mod search;
mod signed;

use chat_core::wire::{Code, Error, Event, Gap, History, MAX_FRAME, Page, Post, Replay, Request, write};
use chat_testkit::{RawClient, virtual_time::VirtualTime};

use super::TestServer;

async fn page(client: &mut RawClient, before: Option<u64>, limit: u64) -> Page {
    let history =
        |id| Request::new(id, History { room: "lobby".into(), before, limit: Some(limit), hashes: false });
    match client.ask(history).await {
        Event::Page(page) => page,
        other => panic!("{other:?}"),
    }
}

fn gap(event: &Event) -> Option<Gap> {
    if let Event::Gap(gap) = event { Some(gap.clone()) } else { None }
}

fn tell(to: &'static str, text: impl Into<String>) -> impl FnOnce(u64) -> Request<'static> {
    let text = text.into();
    move |id| Request::new(id, Post::tell(to, text))
}

/// protocol 8.1, 8.2
#[test]
fn a_page_has_a_hundred_entries_or_what_fits_a_frame() {
    let time = VirtualTime::new(82);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
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

/// protocol 8.2.1, 8.4.1
#[test]
fn who_asks_for_nothing_is_told_so() {
    let time = VirtualTime::new(83);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        ana.say("lobby", "hi").await;
        for room in ["lobby", "@"] {
            let history = History { room: room.into(), before: None, limit: Some(0), hashes: false };
            let of_nothing = |(from, to)| Replay { room: room.into(), from, to };
            let asked = [
                (Request::new(0, history), "0"),
                (Request::new(0, of_nothing((0, 0))), "numbered from 1"),
                (Request::new(0, of_nothing((2, 1))), "before it begins"),
            ];
            for (request, words) in asked {
                let answer = ana.ask(|id| Request { id: Some(id), ..request }).await;
                let Event::Error(Error { code, message, .. }) = answer else { panic!("{answer:?}") };
                assert_eq!(code, Code::Unsupported, "{message}");
                assert!(message.contains(words), "{message}");
            }
        }
    });
}

/// protocol 8.3
#[test]
fn a_replay_names_what_is_no_longer_held() {
    let time = VirtualTime::new(52);
    time.run(async {
        let server = TestServer::unlimited_with(&time, 10_000).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=100 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        let oldest = ana.join("lobby", Some(100)).await.oldest;
        for (from, to, gone) in [(oldest - 5, oldest + 5, oldest - 1), (1, 10, 10)] {
            let replayed = ana.ask(|id| Request::new(id, Replay { room: "lobby".into(), from, to })).await;
            assert!(matches!(replayed, Event::Replayed(it) if (it.from, it.to) == (from, to)));
            let came = ana.forget();
            let gap = came.first().and_then(gap).expect("the gap comes first");
            assert_eq!((gap.from, gap.to), (from, gone));
            let entries = came[1..].iter().map(|it| if let Event::Entry(it) = it { it.seq } else { 0 });
            assert!(entries.eq(gone + 1..=to), "{came:?}");
        }
    });
}

/// protocol 8.3, 8.5
#[test]
fn a_replay_of_the_inbox_names_what_is_gone() {
    let time = VirtualTime::new(61);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        for n in 1..=260 {
            assert!(matches!(ana.ask(tell("ana", n.to_string())).await, Event::Ack(_)));
        }
        ana.entries("@", 1..=260).await;
        let frame = r#"{"type":"replay","id":900,"room":"@","from":1,"to":6}"#;
        assert!(matches!(ana.ask_as(900, frame).await, Event::Replayed(it) if (it.from, it.to) == (1, 6)));
        let seen = ana.forget();
        let [Event::Gap(Gap { from: 1, to: 4, .. }), Event::Entry(five), Event::Entry(six)] = &seen[..]
        else {
            panic!("{seen:?}");
        };
        assert_eq!((five.seq, six.seq), (5, 6));
    });
}
