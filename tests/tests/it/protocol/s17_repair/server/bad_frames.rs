//! What is no frame, and farewells that may have been lost.

use super::*;

/// protocol 12.2, protocol 17.9
#[test]
fn bad_frames_are_dropped_without_an_answer() {
    let time = VirtualTime::new(41);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::dial(&server, "memory://hall").await;
        let long = hello("ana", 1).replace("ana", &"a".repeat(5000));
        for bad in ["", "{", "null", r#"{"type":"hello"}"#, r#"{"type":"say","id":-1}"#, &long] {
            assert_eq!(ana.ask(bad).await, [], "{bad}");
        }
        assert!(matches!(ana.ask(&hello("ana", 1)).await[..], [Event::Welcome(_)]));
        for bad in ["", "\u{0}", r#"{"type":"say","id":1}"#, &replay(1, "lobby", 1, 1 << 53), &ping(1 << 53)]
        {
            assert_eq!(ana.ask(bad).await, [], "{bad}");
        }
        assert!(matches!(ana.ask(&ping(1)).await[0], Event::Pong(_)), "the link goes on");
        let mut bob = Peer::enter_at(&server, "memory://firm", "bob", 2).await;
        assert!(matches!(bob.ask("{").await[..], [Event::Error(_)]), "on a reliable one it is answered");
    });
}

/// protocol 17.7
#[test]
fn the_farewell_is_said_again_to_who_goes_on_talking() {
    let time = VirtualTime::new(42);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        let bye = r#"{"type":"bye"}"#;
        let goodbye = ana.ask(bye).await;
        assert!(matches!(goodbye[..], [Event::Goodbye(_)]), "{goodbye:?}");
        for said in [bye, bye, &ping(9)] {
            assert_eq!(ana.ask(said).await, goodbye);
        }
        assert_eq!(server.sessions(), 0);
        let mut bob = Peer::dial(&server, "memory://hall").await;
        let wrong = hello("bob", 2).replace(":1,", ":2,");
        let refused = bob.ask(&wrong).await;
        assert!(matches!(refused[..], [Event::Error(_)]), "{refused:?}");
        assert_eq!(bob.ask(&wrong).await, refused);
        let mut cleo = Peer::enter_at(&server, "memory://firm", "cleo", 3).await;
        assert_eq!(cleo.ask(bye).await.len(), 1);
        let _ = cleo.link.send(Bytes::from(bye)).await;
        assert_eq!(cleo.heard().await, [], "a reliable link has heard it");
    });
}

/// protocol 17.5, protocol 17.6, protocol 12.4
#[test]
fn a_client_that_confirms_nothing_gets_a_helping_and_no_more() {
    let time = VirtualTime::new(43);
    time.run(async {
        let server = open(&time, unlimited()).await;
        let mut bob = Peer::in_the_lobby(&server, "bob", 2).await;
        for id in 0..300 {
            bob.ask(&say(id, &"x".repeat(1000))).await;
        }
        let mut ana = Peer::enter(&server, "ana", 1).await;
        ana.say(&join(1, "lobby", 0)).await;
        let (mut bytes, mut goodbye) = (0, false);
        while let Some(Ok(frame)) = ana.link.next().await {
            bytes += frame.len();
            goodbye |= matches!(read_event(&frame), Ok(Event::Goodbye(_)));
            if goodbye {
                break;
            }
        }
        assert!(bytes < 64 * 1200 + 8 * 200 + 1000, "{bytes} bytes");
        assert_eq!(time.elapsed().as_secs(), 45, "then it counts as gone");
    });
}
