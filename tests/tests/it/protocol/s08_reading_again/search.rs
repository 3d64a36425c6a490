//! Looking for what was said: what is found, in which order, how it goes on, and what cannot be looked for.

use std::sync::Arc;

use chat_core::{
    RoomName,
    client::Update,
    log::{
        self, Append, Appended, LogError, LogPage, MemoryLog, Outcome, PageLimit, RoomLog, Snapshot, Tail,
        Write,
    },
    server::Limits,
    wire::{Code, Error, Event, Found, MAX_FRAME, Post, Request, Search, write},
};
use chat_testkit::{RawClient, virtual_time::VirtualTime};
use futures::{
    FutureExt,
    future::{self, BoxFuture},
};

use crate::protocol::{SECOND, TestServer, next, say, slow_log::SlowLog};

fn words(words: &str) -> Search<'static> {
    Search { words: words.to_owned().into(), ..Search::default() }
}

async fn ask(client: &mut RawClient, search: Search<'static>) -> Event {
    client.ask(|id| Request::new(id, Search { ..search })).await
}

async fn found(client: &mut RawClient, search: Search<'static>) -> Found {
    match ask(client, search).await {
        Event::Found(found) => found,
        other => panic!("{other:?}"),
    }
}

fn texts(found: &Found) -> Vec<&str> {
    found.entries.iter().map(|it| it.body.text.as_str()).collect()
}

fn code(event: &Event) -> Option<Code> {
    match event {
        Event::Error(error) => Some(error.code),
        _ => None,
    }
}

/// protocol 8.7, 8.8, 4.2
#[test]
fn whoever_asks_finds_the_newest_first_in_every_room() {
    let time = VirtualTime::new(121);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("Bob", 2).await;
        let mut cleo = server.enter("cleo", 3).await;
        ana.join("Kitchen", Some(0)).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        ana.say("Kitchen", "Tea at four").await;
        time.pass(SECOND).await;
        let second = bob.say("lobby", "I take my TÉA black; 我们下午四点喝茶。").await;
        ana.say("lobby", "team lunch is at one").await;
        ana.say("lobby", "coffee, not steam").await;
        let topic = |id| Request::new(id, Post::topic("lobby", "tea, mostly"));
        assert!(matches!(ana.ask(topic).await, Event::Ack(_)));

        let all = found(&mut cleo, words("tea")).await;
        let kitchen = ["Tea at four"];
        let lobby = ["tea, mostly", "team lunch is at one", "I take my TÉA black; 我们下午四点喝茶。"];
        assert_eq!(texts(&all), [&lobby[..], &kitchen].concat(), "cleo is in no room");
        assert_eq!((all.entries[2].room.as_str(), all.entries[2].seq), ("lobby", second.seq));
        assert_eq!((all.entries[3].room.as_str(), all.entries[3].author.name.as_str()), ("Kitchen", "ana"));
        assert_eq!(all.more, None);

        let room = |room: &'static str| Search { room: Some(room.into()), ..words("tea") };
        assert_eq!(texts(&found(&mut cleo, room("KITCHEN")).await), kitchen);
        assert_eq!(texts(&found(&mut cleo, room("nowhere")).await), [""; 0]);
        let from = Search { from: Some("bOB".into()), ..words("tea") };
        assert_eq!(texts(&found(&mut cleo, from).await), lobby[2..]);
        let since = Search { since: Some(second.at), ..words("tea") };
        assert_eq!(texts(&found(&mut cleo, since).await), lobby);
        assert_eq!(texts(&found(&mut cleo, words("black four")).await), [""; 0], "all words in one text");
        for chinese in ["我们", "们下", "下午", "四点", "喝茶", "茶", "下午四点", "BLACK 下午 take"]
        {
            assert_eq!(texts(&found(&mut cleo, words(chinese)).await), lobby[2..], "{chinese}");
        }
        assert_eq!(texts(&found(&mut cleo, words("午茶")).await), [""; 0], "they do not stand together");
    });
}

/// protocol 8.10, 8.2
#[test]
fn a_search_brings_what_fits_a_frame_and_goes_on_after_it() {
    let time = VirtualTime::new(122);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        for room in ["a", "b"] {
            ana.join(room, Some(0)).await;
        }
        for n in 0..10 {
            let room = ["a", "b"][n % 2];
            ana.say(room, &format!("needle{n} {}", "\n".repeat(8000))).await;
        }
        let (mut seen, mut before) = (Vec::new(), None);
        for page in 1.. {
            let found = found(&mut ana, Search { before, ..words("needle") }).await;
            assert!(found.entries.len() < 5 && page <= 5, "each is 16,000 bytes when it is written");
            seen.extend(found.entries.iter().map(|it| it.body.text.trim().to_owned()));
            before = found.more;
            assert!(write(&Event::Found(found)).len() <= MAX_FRAME);
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..10).rev().map(|n| format!("needle{n}")).collect::<Vec<_>>());
        let one = found(&mut ana, Search { limit: Some(1), ..words("needle") }).await;
        let next = found(&mut ana, Search { limit: Some(1), before: one.more, ..words("needle") }).await;
        assert!(texts(&one)[0].starts_with("needle9") && texts(&next)[0].starts_with("needle8"));
        for _ in 0..120 {
            ana.say("a", "short").await;
        }
        let many = found(&mut ana, Search { limit: Some(1000), ..words("short") }).await;
        assert_eq!(many.entries.len(), 100);
        let rest = found(&mut ana, Search { before: many.more, ..words("short") }).await;
        assert_eq!(rest.entries.len(), 20);
    });
}

/// protocol 8.9, 8.11
#[test]
fn what_cannot_be_looked_for_is_refused() {
    let time = VirtualTime::new(123);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
        let some = Search { words: "tea".into(), ..Search::default() };
        for (search, expected) in [
            (words(""), Code::BadText),
            (words("… —"), Code::BadText),
            (words(&many.join(" ")), Code::TooLarge),
            (words(&"x".repeat(257)), Code::TooLarge),
            (Search { room: Some("@".into()), ..some.clone() }, Code::Unsupported),
            (Search { room: Some("two rooms".into()), ..some.clone() }, Code::BadName),
            (Search { from: Some("".into()), ..some.clone() }, Code::BadName),
        ] {
            let asked = format!("{search:?}");
            assert_eq!(code(&ask(&mut ana, search).await), Some(expected), "{asked}");
        }
        assert_eq!(texts(&found(&mut ana, some).await), [""; 0], "the link goes on");
    });
}

/// A log that cannot be searched, or one that has not indexed so many of its newest entries.
struct Keeper(MemoryLog, Option<u64>);

impl RoomLog for Keeper {
    fn epoch(&self) -> String {
        self.0.epoch()
    }

    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        self.0.holds(room, epoch, seq)
    }

    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>> {
        self.0.subscribe()
    }

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        self.0.append(batch)
    }

    fn lookup(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Option<Outcome>>, LogError>> {
        self.0.lookup(batch)
    }

    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>> {
        self.0.read(room, after, limit)
    }

    fn search(&self, search: log::Search) -> BoxFuture<'_, Result<log::Found, LogError>> {
        let Some(pending) = self.1 else { return future::ready(Err(LogError::Unsearchable)).boxed() };
        let found = self.0.search(search);
        async move { Ok(log::Found { pending, ..found.await? }) }.boxed()
    }
}

/// protocol 8.10.4
#[test]
fn a_search_says_how_many_of_the_newest_entries_it_could_not_look_at() {
    let time = VirtualTime::new(127);
    time.run(async {
        for (pending, expected) in [(0, None), (1234, Some(1234))] {
            let log = Arc::new(Keeper(MemoryLog::new(1 << 20, 7), Some(pending)));
            let server = TestServer::with(&time, Limits::default(), log).await;
            let mut ana = server.enter("ana", 1).await;
            ana.join("lobby", Some(0)).await;
            ana.say("lobby", "tea").await;
            let found = found(&mut ana, words("tea")).await;
            assert_eq!((texts(&found), found.pending), (vec!["tea"], expected));
        }
    });
}

/// protocol 8.11
#[test]
fn a_log_without_a_search_says_so() {
    let time = VirtualTime::new(124);
    time.run(async {
        let log = Arc::new(Keeper(MemoryLog::new(1 << 20, 7), None));
        let server = TestServer::with(&time, Limits::default(), log).await;
        let mut ana = server.enter("ana", 1).await;
        let Event::Error(Error { code, message, .. }) = ask(&mut ana, words("tea")).await else {
            panic!("it cannot be searched")
        };
        assert_eq!((code, message.as_str()), (Code::Unsupported, "this log cannot be searched"));
    });
}

/// protocol 7.5, 7.2
#[test]
fn nothing_is_found_before_it_is_acknowledged() {
    let time = VirtualTime::new(125);
    time.run(async {
        let log = Arc::new(SlowLog { stores_first: true, ..SlowLog::new(&time) });
        let server = TestServer::with(&time, Limits::default(), log).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        ana.say("lobby", "first needle").await;
        ana.send(r#"{"type":"say","id":70,"room":"lobby","text":"second needle"}"#).await;
        time.pass(SECOND / 2).await;
        assert_eq!(texts(&found(&mut ana, words("needle")).await), ["first needle"]);
        ana.expect("ack", |it| (it.reply_to() == Some(70)).then_some(())).await;
        assert_eq!(texts(&found(&mut ana, words("needle")).await), ["second needle", "first needle"]);
    });
}

/// protocol 11.3
#[test]
fn one_may_search_so_often() {
    let time = VirtualTime::new(126);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        for _ in 0..40 {
            found(&mut ana, words("tea")).await;
        }
        let Event::Error(Error { code, retry_after_ms, .. }) = ask(&mut ana, words("tea")).await else {
            panic!("that was too often")
        };
        assert_eq!(code, Code::RateLimited);
        let wait = retry_after_ms.expect("waiting helps");
        assert!((190..=202).contains(&wait), "five a second: {wait}");
        ana.join("lobby", None).await; // other requests go on
        time.pass(SECOND).await;
        for _ in 0..5 {
            found(&mut ana, words("tea")).await;
        }
    });
}

/// protocol 8.7
#[test]
fn a_client_asks_for_it_like_for_anything_else() {
    let time = VirtualTime::new(127);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut remote, mut updates) = server.client("ana");
        let join = chat_core::wire::Join { room: "lobby".into(), ..Default::default() };
        remote.ask(join, 1).await.unwrap();
        remote.ask(say("lobby", "a needle"), 2).await.unwrap();
        next(&mut updates, |it| matches!(it, Update::Reply { tag: 2, .. }).then_some(())).await;
        remote.ask(words("needle"), 3).await.unwrap();
        let reply = next(&mut updates, |it| match it {
            Update::Reply { tag: 3, reply } => Some(reply),
            _ => None,
        });
        let Event::Found(found) = reply.await else { panic!("it was asked for") };
        assert_eq!(texts(&found), ["a needle"]);
    });
}
