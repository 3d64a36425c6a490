//! Protocol, section 4: names that look alike.

use chat_core::wire::{Code, Error, Event, Join, Leave, Post, Request};
use chat_testkit::{hello, virtual_time::VirtualTime};

use super::TestServer;

/// protocol 4.3, 10.1
#[test]
fn whoever_looks_like_somebody_neither_gets_in_nor_gets_the_others_messages() {
    let time = VirtualTime::new(62);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut al = server.enter("al", 2).await;
        let refused = server.dial().await.refused(&hello("a1", 3)).await;
        assert_eq!((refused.code, refused.retry_after_ms), (Code::NameTaken, None));
        let tell = |id| Request::new(id, Post::tell("a1", "for a1 alone"));
        assert!(matches!(ana.ask(tell).await, Event::Error(Error { code: Code::NotHere, .. })));
        assert!(!al.has_heard(|it| matches!(it, Event::Entry(_))).await);
    });
}

/// protocol 4.3.1
#[test]
fn no_room_is_made_that_looks_like_another() {
    let time = VirtualTime::new(63);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        ana.join("lobby", None).await;
        bob.join("LOBBY", None).await;
        let join =
            |room: &'static str| move |id| Request::new(id, Join { room: room.into(), ..Join::default() });
        for room in ["Iobby", "1obby", "l0bby"] {
            let Event::Error(refused) = bob.ask(join(room)).await else { panic!("{room} is made") };
            assert_eq!((refused.code, refused.retry_after_ms), (Code::NameTaken, None));
            assert!(refused.message.contains("lobby"), "{}", refused.message);
        }
        bob.join("lobby-2", None).await;
        for client in [&mut ana, &mut bob] {
            let left = client.ask(|id| Request::new(id, Leave { room: "lobby".into() })).await;
            assert!(matches!(left, Event::Left(_)), "{left:?}");
        }
        bob.join("1obby", None).await; // as nothing was said in the other one, that is forgotten
    });
}
