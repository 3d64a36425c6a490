//! People meet in a room and talk.

use chat_core::wire::{Event, MAX_FRAME, MAX_TEXT, PROTOCOL, Post, Presence, RECENT, Request, Who};
use futures::future::join;

use super::{Subject, test_server::TestServer};

/// A hello opens a session, under the name asked for. (protocol 2.2)
pub async fn a_hello_is_welcomed(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (_client, welcome) = server.enter("ana", 1).await;
    assert_eq!((welcome.protocol, welcome.name.as_str()), (PROTOCOL, "ana"));
    assert!(!welcome.resumed, "there is nothing to resume");
    assert!(welcome.resume.len() >= 22, "a secret has 128 bits");
    assert_eq!(welcome.limits.frame, MAX_FRAME as u64);
    assert_eq!(welcome.limits.text, MAX_TEXT as u64);
}

/// Whoever says something reads first that it is stored, then the message like everyone else. (protocol 7.1, protocol 7.2)
pub async fn a_sender_reads_its_ack_then_its_message(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    for number in 1..=100 {
        let text = format!("line {number}");
        let id = ana.next_id();
        let say = Request::new(id, Post::say("lobby", text.clone()));
        let ack = if ana.is_lossless() {
            ana.send(chat_core::wire::write(&say)).await;
            let first = ana.expect("ack or message", |event| match event {
                Event::Ack(_) | Event::Entry(_) => Some(event.clone()),
                _ => None,
            });
            match first.await {
                Event::Ack(ack) => ack,
                other => panic!("the first to come is {other:?}"),
            }
        } else {
            match ana.ask_as(id, chat_core::wire::write(&say)).await {
                Event::Ack(ack) => ack,
                other => panic!("a say was answered with {other:?}"),
            }
        };
        assert_eq!((ack.id, ack.room.as_str(), ack.seq), (id, "lobby", number));
        let entry = ana.entries("lobby", number..=number).await.remove(0);
        assert_eq!((entry.author.name.as_str(), entry.body.text, entry.at), ("ana", text, ack.at));
    }
}

/// Two people who talk at once read one conversation. (protocol 6.1, protocol 5.8)
pub async fn everyone_reads_the_same_order(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    let talk = async |client: &mut crate::RawClient, who: &str| {
        for number in 0..30 {
            client.say("lobby", &format!("{who} {number}")).await;
        }
        client.entries("lobby", 1..=60).await
    };
    let (by_ana, by_bob) = join(talk(&mut ana, "ana"), talk(&mut bob, "bob")).await;
    assert_eq!(by_ana, by_bob);
    for who in ["ana", "bob"] {
        let said: Vec<String> =
            by_ana.iter().filter(|it| it.author.name == who).map(|it| it.body.text.clone()).collect();
        let meant: Vec<String> = (0..30).map(|number| format!("{who} {number}")).collect();
        assert_eq!(said, meant, "each sender's messages keep their order");
    }
}

/// Who joins while others talk reads what was said before and what is said then, without a seam. (protocol 6.1, protocol 6.3)
pub async fn a_late_joiner_reads_on_without_a_seam(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let (mut bob, _) = server.enter("bob", 2).await;
    for number in 1..=40 {
        ana.say("lobby", &format!("{number}")).await;
    }
    ana.entries("lobby", 1..=40).await;
    let talking = async {
        for number in 41..=80 {
            ana.say("lobby", &format!("{number}")).await;
        }
    };
    let reading = async {
        let joined = bob.join("lobby", Some(0)).await;
        assert_eq!((joined.after, joined.oldest), (0, 1));
        assert!(joined.head >= 40 && !joined.reset, "{joined:?}");
        bob.entries("lobby", 1..=80).await
    };
    let ((), read) = join(talking, reading).await;
    for (number, entry) in (1..).zip(read) {
        assert_eq!((entry.seq, entry.body.text), (number, number.to_string()));
    }
}

/// Who joins without a cursor is sent the newest fifty, or as many as asked for. (protocol 6.2)
pub async fn a_join_brings_the_newest(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    for number in 1..=60 {
        ana.say("lobby", &format!("{number}")).await;
    }
    ana.entries("lobby", 1..=60).await; // what one person has read, everybody can
    let (mut bob, _) = server.enter("bob", 2).await;
    let joined = bob.join("lobby", None).await;
    assert_eq!((joined.head, joined.after), (60, 60 - RECENT));
    assert_eq!(bob.entries("lobby", 60 - RECENT + 1..=60).await[0].body.text, "11");
    let (mut cleo, _) = server.enter("cleo", 3).await;
    let id = cleo.next_id();
    let join = format!(r#"{{"type":"join","id":{id},"room":"lobby","recent":5}}"#);
    let Event::Joined(joined) = cleo.ask_as(id, join).await else { panic!("cleo is not let in") };
    assert_eq!((joined.head, joined.after), (60, 55));
    assert_eq!(cleo.entries("lobby", 56..=60).await[4].body.text, "60");
}

/// What is said in one room is read there alone, and every room counts for itself. (protocol 6.1)
pub async fn rooms_do_not_mix(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let mut bob = server.enter_room("bob", 2, "kitchen").await;
    ana.join("kitchen", Some(0)).await;
    assert_eq!(ana.say("lobby", "in the lobby").await.seq, 1);
    assert_eq!(ana.say("kitchen", "in the kitchen").await.seq, 1);
    assert_eq!(bob.entries("kitchen", 1..=1).await[0].body.text, "in the kitchen");
    let lobby = |event: &Event| matches!(event, Event::Entry(entry) if entry.room == "lobby");
    assert!(!bob.has_heard(lobby).await, "bob is not in the lobby");
    assert_eq!(ana.entries("lobby", 1..=1).await[0].body.text, "in the lobby");
}

/// Members are told who enters and who leaves. Where frames may be lost they ask instead. (protocol 9.1)
pub async fn who_enters_and_who_leaves_is_told(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    if ana.is_lossless() {
        let change = ana.expect("news of bob", presence(|it| it.entered.contains(&"bob".to_owned()))).await;
        assert!(change.version > change.since, "{change:?}");
        bob.ask(|id| Request::new(id, chat_core::wire::Leave { room: "lobby".into() })).await;
        let change = ana.expect("news of bob", presence(|it| it.left.contains(&"bob".to_owned()))).await;
        assert!(change.version > change.since, "{change:?}");
    } else {
        assert_eq!(members(&mut ana).await, ["ana", "bob"]);
        bob.ask(|id| Request::new(id, chat_core::wire::Leave { room: "lobby".into() })).await;
        assert_eq!(members(&mut ana).await, ["ana"]);
    }
}

fn presence(wanted: impl Fn(&Presence) -> bool) -> impl FnMut(&Event) -> Option<Presence> {
    move |event| match event {
        Event::Presence(presence) if wanted(presence) => Some(presence.clone()),
        _ => None,
    }
}

async fn members(client: &mut crate::RawClient) -> Vec<String> {
    match client.ask(|id| Request::new(id, Who { room: "lobby".into() })).await {
        Event::Members(mut members) => {
            members.members.sort();
            members.members
        }
        other => panic!("who was answered with {other:?}"),
    }
}
