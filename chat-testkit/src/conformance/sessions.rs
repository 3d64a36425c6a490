//! A session outlives its link, and ends as it should.

use chat_core::wire::{Ack, Code, Event, Goodbye, Join, Post, Reason, Request, Who};
use futures::future::join;

use super::{Subject, test_server::TestServer};
use crate::raw_client::RawClient;

/// Whoever comes back with the secret and a cursor reads on exactly where reading stopped. (protocol 3.2, protocol 3.5)
pub async fn a_resumed_session_misses_and_repeats_nothing(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    let (mut ana, welcome) = server.enter("ana", 1).await;
    let mut secret = welcome.resume;
    let epoch = ana.join("lobby", Some(0)).await.epoch;
    let mut head = 0;
    for round in 0..3 {
        for number in 0..5 {
            bob.say("lobby", &format!("heard {round} {number}")).await;
        }
        ana.entries("lobby", head + 1..=head + 5).await;
        let last_id = ana.last_id();
        drop(ana);
        for number in 0..5 {
            bob.say("lobby", &format!("missed {round} {number}")).await;
        }
        bob.entries("lobby", head + 1..=head + 10).await;
        let (mut again, welcome) = server.resume(&secret, last_id).await;
        assert!(welcome.resumed, "the session is still there: {welcome:?}");
        secret = welcome.resume;
        head += 5;
        assert_eq!(rejoin(&mut again, head, &epoch).await, head + 5);
        let missed = again.entries("lobby", head + 1..=head + 5).await;
        assert_eq!(missed[4].body.text, format!("missed {round} 4"));
        head += 5;
        ana = again;
    }
    assert_eq!(ana.say("lobby", "here again").await.seq, head + 1);
    assert_eq!(bob.entries("lobby", head + 1..=head + 1).await[0].author.name, "ana");
}

/// Nobody in the room notices that a link was lost, if its session is resumed in time. (protocol 3.1, protocol 9.5)
pub async fn a_resumed_session_never_left(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut ana, welcome) = server.enter("ana", 1).await;
    let epoch = ana.join("lobby", Some(0)).await.epoch;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    let last_id = ana.last_id();
    drop(ana);
    assert_eq!(members(&mut bob).await, ["ana", "bob"], "a lost link is not a person who left");
    let (mut again, welcome) = server.resume(&welcome.resume, last_id).await;
    assert!(welcome.resumed, "{welcome:?}");
    rejoin(&mut again, 0, &epoch).await;
    for number in 1..=10 {
        bob.say("lobby", "still here?").await; // time for a rumour to spread
        again.entries("lobby", number..=number).await;
    }
    let rumour = |event: &Event| match event {
        Event::Presence(it) => it.entered.iter().chain(&it.left).any(|name| name == "ana"),
        _ => false,
    };
    assert!(!bob.has_heard(rumour).await, "ana neither left nor entered");
    assert_eq!(members(&mut bob).await, ["ana", "bob"]);
}

/// A session goes on over the newest link; the older one is told and ends. Where frames may be lost it may hear
/// nothing of it, but it is no longer served. (protocol 3.4)
pub async fn the_newest_link_has_the_session(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut old, welcome) = server.enter("ana", 1).await;
    let epoch = old.join("lobby", Some(0)).await.epoch;
    let (mut new, welcome) = server.resume(&welcome.resume, old.last_id()).await;
    assert!(welcome.resumed, "{welcome:?}");
    if old.is_lossless() {
        expect_goodbye(&old.rest().await, Reason::Replaced);
    } else {
        while !old.is_silent().await {}
        expect_farewell(&mut old).await;
    }
    rejoin(&mut new, 0, &epoch).await;
    assert_eq!(new.say("lobby", "it is me").await.seq, 1);
    assert_eq!(new.entries("lobby", 1..=1).await[0].author.name, "ana");
}

/// A request that is sent again, over the same link or a later one, gets the same reply and is stored once. (protocol 5.4)
pub async fn a_request_sent_twice_is_stored_once(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut ana, welcome) = server.enter("ana", 1).await;
    let epoch = ana.join("lobby", Some(0)).await.epoch;
    let id = ana.next_id();
    let first = say_as(&mut ana, id, "once").await;
    assert!(matches!(&first, Event::Ack(Ack { seq: 1, .. })), "{first:?}");
    assert_eq!(say_as(&mut ana, id, "once").await, first);
    let last_id = ana.last_id();
    drop(ana);
    let (mut again, welcome) = server.resume(&welcome.resume, last_id).await;
    assert!(welcome.resumed, "{welcome:?}");
    rejoin(&mut again, 0, &epoch).await;
    assert_eq!(say_as(&mut again, id, "once").await, first);
    assert_eq!(again.say("lobby", "twice").await.seq, 2);
    let texts: Vec<String> = again.entries("lobby", 1..=2).await.into_iter().map(|it| it.body.text).collect();
    assert_eq!(texts, ["once", "twice"]);
}

/// The number of a request stands for what it said; with anything else it is refused, and nothing is stored. (protocol 5.5)
pub async fn an_id_used_for_something_else_is_a_conflict(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let id = ana.next_id();
    let first = say_as(&mut ana, id, "this").await;
    let is_conflict = |it: &Event| matches!(it, Event::Error(error) if error.code == Code::Conflict);
    let other = say_until(&mut ana, id, "that", is_conflict).await;
    assert!(is_conflict(&other), "{other:?}");
    assert_eq!(say_until(&mut ana, id, "this", |it| *it == first).await, first);
    assert_eq!(ana.say("lobby", "next").await.seq, 2);
}

/// Whoever says bye is gone at once and for good. (protocol 12.1)
pub async fn a_bye_ends_the_session(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut ana, welcome) = server.enter("ana", 1).await;
    ana.join("lobby", Some(0)).await;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    if ana.is_lossless() {
        ana.send(r#"{"type":"bye"}"#).await;
        expect_goodbye(&ana.rest().await, Reason::Bye);
        assert_eq!(members(&mut bob).await, ["bob"]);
    } else {
        while members(&mut bob).await != ["bob"] {
            ana.send(r#"{"type":"bye"}"#).await; // it may have been lost
        }
    }
    let (_again, welcome) = server.resume(&welcome.resume, 0).await;
    assert!(!welcome.resumed, "there is nothing left to resume");
}

/// A server that stops tells everyone why their links end. Where frames may be lost it may not be heard, but it is
/// silent afterwards. (protocol 12.3)
pub async fn a_server_that_stops_says_goodbye(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let (mut bob, _) = server.enter("bob", 2).await;
    ana.say("lobby", "the last word").await;
    if ana.is_lossless() {
        let ((), (by_ana, by_bob)) = join(server.stop(), join(ana.rest(), bob.rest())).await;
        expect_goodbye(&by_ana, Reason::Shutdown);
        expect_goodbye(&by_bob, Reason::Shutdown);
        let heard =
            by_ana.iter().any(|event| matches!(event, Event::Entry(it) if it.body.text == "the last word"));
        assert!(heard, "what was acknowledged is delivered before the end: {by_ana:?}");
    } else {
        server.stop().await;
        for client in [&mut ana, &mut bob] {
            while !client.is_silent().await {}
            expect_farewell(client).await;
        }
    }
    assert_eq!(server.sessions(), 0);
}

/// Reads the lobby on after `after`; gives its head. Until then nothing of it is sent (protocol 3.5); where frames
/// may be lost, the reply that came may be the second one.
async fn rejoin(client: &mut RawClient, after: u64, epoch: &str) -> u64 {
    let epoch = Some(epoch.to_owned().into());
    let join =
        |id| Request::new(id, Join { room: "lobby".into(), after: Some(after), epoch, ..Join::default() });
    let Event::Joined(joined) = client.ask(join).await else { panic!("a member may join again") };
    assert_eq!((joined.after, joined.reset), (after, false));
    let early = client.forget().into_iter().filter(|event| matches!(event, Event::Entry(_))).count();
    assert!(early == 0 || !client.is_lossless(), "{early} entries came before they were asked for");
    joined.head
}

/// The reply to a message. Where frames may be doubled, one that is not as `wanted` may have come late, for an earlier
/// message of that number; then it is said once more.
async fn say_until(
    client: &mut RawClient,
    id: u64,
    text: &'static str,
    wanted: impl Fn(&Event) -> bool,
) -> Event {
    loop {
        let reply = say_as(client, id, text).await;
        if client.is_lossless() || wanted(&reply) {
            return reply;
        }
    }
}

async fn say_as(client: &mut RawClient, id: u64, text: &'static str) -> Event {
    let say = Request::new(id, Post::say("lobby", text));
    client.ask_as(id, chat_core::wire::write(&say)).await
}

async fn members(client: &mut RawClient) -> Vec<String> {
    match client.ask(|id| Request::new(id, Who { room: "lobby".into() })).await {
        Event::Members(mut members) => {
            members.members.sort();
            members.members
        }
        other => panic!("who was answered with {other:?}"),
    }
}

/// Over a link that may lose frames: it is served no longer. Whoever still speaks hears at most the goodbye again.
async fn expect_farewell(client: &mut RawClient) {
    client.forget(); // copies of what came before
    client.send(r#"{"type":"ping","id":77}"#).await;
    let heard = client.rest_until_silent().await;
    assert!(heard.iter().all(|event| matches!(event, Event::Goodbye(_))), "{heard:?}");
}

fn expect_goodbye(events: &[Event], wanted: Reason) {
    let said = matches!(events.last(), Some(Event::Goodbye(Goodbye { reason, .. })) if *reason == wanted);
    assert!(said, "the last word is not a goodbye for {wanted}: {events:?}");
}
