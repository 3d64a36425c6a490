//! Protocol, section 4: names that look alike.

use chat_core::wire::{Code, Error, Event, Post, Request};
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
