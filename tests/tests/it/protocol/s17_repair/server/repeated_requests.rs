//! Hello, joins and leaves that come twice or late.

use chat_core::wire::Code;

use super::*;

/// How many of these are changes of members.
fn changes(heard: &[Event]) -> usize {
    heard.iter().filter(|event| matches!(event, Event::Presence(_))).count()
}

/// protocol 17.2
#[test]
fn hello_again_is_answered_by_the_same_welcome() {
    let time = VirtualTime::new(1);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::dial(&server, "memory://hall").await;
        ana.say(&hello("ana", 1)).await;
        let first = ana.frames().await;
        ana.say(&hello("ana", 1)).await;
        ana.say(&hello("ana", 1)).await;
        assert_eq!(ana.frames().await, [first.clone(), first.clone()].concat());
        assert_eq!(server.sessions(), 1);
        let Event::Welcome(welcome) = read_event(&first[0]).unwrap() else { panic!("{first:?}") };
        ana.ask(&join(1, "lobby", 0)).await;
        drop(ana);
        time.settle().await;
        let again =
            hello("ana", 1).replace("1,\"name", &format!("1,\"resume\":\"{}\",\"name", welcome.resume));
        let mut ana = Peer::dial(&server, "memory://hall").await;
        ana.say(&again).await;
        ana.say(&again).await;
        let heard = ana.heard().await;
        assert!(
            matches!(&heard[..], [Event::Welcome(a), Event::Welcome(b)] if a == b && a.resumed),
            "{heard:?}"
        );
    });
}

/// protocol 2.13
#[test]
fn on_a_reliable_link_it_is_refused() {
    let time = VirtualTime::new(2);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::enter_at(&server, "memory://firm", "ana", 1).await;
        assert!(matches!(ana.ask(&hello("ana", 1)).await[..], [Event::Error(_)]));
    });
}

/// protocol 17.3
#[test]
fn a_join_that_comes_again_is_answered_again_and_changes_nothing() {
    let time = VirtualTime::new(3);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut bob = Peer::in_the_lobby(&server, "bob", 2).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        assert_eq!(bob.heard().await.len(), 1, "ana is here");
        ana.ask(&say(2, "hi")).await;
        bob.heard().await;
        let heard = ana.ask(&join(1, "lobby", 0)).await;
        let [Event::Joined(joined)] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!((joined.after, joined.head, joined.present), (0, 1, 2), "no entry follows");
        assert_eq!(bob.heard().await, [], "nobody came");
        let heard = ana.ask(&join(3, "lobby", 0)).await;
        assert_eq!(texts(&heard), ["hi"], "another join moves the cursor");
        let heard = ana.ask(&join(1, "lobby", 0)).await;
        assert_eq!(heard, [], "the first one is late now");
    });
}

/// protocol 17.3
#[test]
fn a_leave_or_join_that_was_refused_changes_nothing_when_it_comes_again() {
    let time = VirtualTime::new(9);
    time.run(async {
        let limits = Limits { rooms_per_session: 1, ..Limits::default() };
        let server = open(&time, limits).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        let refused = ana.ask(&leave(1, "lobby")).await;
        assert!(matches!(&refused[..], [Event::Error(it)] if it.code == Code::NotJoined), "{refused:?}");
        assert_eq!(ana.ask(&leave(1, "lobby")).await, refused);
        ana.ask(&join(2, "lobby", 0)).await;
        assert_eq!(ana.ask(&leave(1, "lobby")).await, [], "it is late");
        let too_many = ana.ask(&join(3, "hall", 0)).await;
        assert!(matches!(&too_many[..], [Event::Error(it)] if it.code == Code::TooMany), "{too_many:?}");
        ana.ask(&leave(4, "lobby")).await;
        assert_eq!(ana.ask(&join(3, "hall", 0)).await, too_many, "it was refused");
        let joined = ana.ask(&join(5, "hall", 0)).await;
        assert!(matches!(&joined[..], [Event::Joined(_)]), "{joined:?}");
    });
}

/// protocol 17.3
#[test]
fn a_join_without_a_cursor_says_once_more_where_reading_began() {
    let time = VirtualTime::new(4);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut bob = Peer::in_the_lobby(&server, "bob", 2).await;
        bob.ask(&say(2, "1")).await;
        bob.ask(&say(3, "2")).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        for (id, frame, after, reset) in [
            (1, r#"{"type":"join","id":1,"room":"lobby","recent":1}"#.to_owned(), 1, false),
            (2, join(2, "lobby", 99), 0, true),
            (3, r#"{"type":"join","id":3,"room":"@","after":7}"#.to_owned(), 0, true),
        ] {
            ana.say(&frame).await;
            bob.ask(&say(id + 10, "more")).await;
            ana.say(&frame).await;
            let heard = ana.heard().await;
            let joined: Vec<_> = heard
                .iter()
                .filter_map(|it| if let Event::Joined(it) = it { Some((it.after, it.reset)) } else { None })
                .collect();
            assert_eq!(joined, [(after, reset), (after, reset)]);
        }
    });
}

/// protocol 17.3
#[test]
fn a_leave_that_comes_again_is_answered_again_and_one_that_is_late_is_dropped() {
    let time = VirtualTime::new(5);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut bob = Peer::in_the_lobby(&server, "bob", 2).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        for _ in 0..2 {
            let heard = ana.ask(&leave(2, "lobby")).await;
            assert!(matches!(&heard[..], [Event::Left(it)] if it.id == 2 && it.room == "lobby"), "{heard:?}");
        }
        assert_eq!(ana.ask(&join(1, "lobby", 0)).await, [], "it was before");
        time.pass(ms(100)).await; // changes are gathered (protocol 9.3.1)
        assert_eq!(changes(&bob.heard().await), 2, "ana came and went");
        time.pass(ms(100)).await; // changes are gathered (protocol 9.3.1)
        assert!(matches!(ana.ask(&join(3, "lobby", 0)).await[..], [Event::Joined(_)]));
        assert_eq!(ana.ask(&leave(2, "lobby")).await, []);
        assert_eq!(ana.ask(&join(1, "Lobby", 0)).await, [], "whatever its case");
        assert_eq!(changes(&bob.heard().await), 1, "ana is back, and stays");
        assert!(matches!(ana.ask(&leave(9, "Lobby")).await[..], [Event::Left(_)]), "another leave is done");
    });
}

/// protocol 17.3
#[test]
fn the_last_64_are_remembered() {
    let time = VirtualTime::new(6);
    time.run(async {
        let server = open(&time, Limits::default().unlimited()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        ana.ask(&say(500, "hi")).await;
        for id in 0..63 {
            ana.ask(&join(100 + id, &format!("r{id}"), 0)).await;
        }
        let heard = ana.ask(&join(1, "lobby", 0)).await;
        assert!(matches!(&heard[..], [Event::Joined(_)]), "nothing follows: {heard:?}");
        ana.ask(&leave(200, "r1")).await;
        let heard = ana.ask(&join(1, "lobby", 0)).await;
        assert_eq!(texts(&heard), ["hi"], "the 65th is forgotten, and done anew");
    });
}

/// protocol 17.3, protocol 6.6
#[test]
fn on_a_reliable_link_every_join_is_done() {
    let time = VirtualTime::new(7);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::enter_at(&server, "memory://firm", "ana", 1).await;
        ana.ask(&join(1, "lobby", 0)).await;
        ana.ask(&say(2, "hi")).await;
        assert_eq!(texts(&ana.ask(&join(1, "lobby", 0)).await), ["hi"]);
    });
}

/// protocol 17.3
#[test]
fn another_link_knows_nothing_of_the_doors_of_the_one_before() {
    let time = VirtualTime::new(8);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::dial(&server, "memory://hall").await;
        let heard = ana.ask(&hello("ana", 1)).await;
        let Event::Welcome(welcome) = &heard[0] else { panic!("{heard:?}") };
        ana.ask(&join(1, "lobby", 0)).await;
        ana.ask(&say(2, "hi")).await;
        ana.ask(&join(3, "lobby", 1)).await;
        let resume =
            hello("ana", 1).replace("1,\"name", &format!("1,\"resume\":\"{}\",\"name", welcome.resume));
        let mut again = Peer::dial(&server, "memory://hall").await;
        again.ask(&resume).await;
        assert_eq!(texts(&again.ask(&join(1, "lobby", 0)).await), ["hi"]);
    });
}
