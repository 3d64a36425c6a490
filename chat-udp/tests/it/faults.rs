//! Networks that fail: what cannot be sent or received is lost, and nothing ends.

use std::time::Duration;

use chat_core::transport::Transport;
use futures::{FutureExt, SinkExt, StreamExt};

use crate::{address, hear, meet, ping, say, simulation::Simulation, soon, talk};

const SERVER: &str = "udp://10.0.0.1:7000";

/// protocol 15.14
#[test]
fn what_cannot_be_sent_is_lost() {
    let it = Simulation::new(1);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        it.fail_sends(20);
        for id in 0..10 {
            say(&mut near, &ping(id)).await;
            say(&mut far.link, &ping(id)).await;
        }
        it.settle().await;
        assert!(near.next().now_or_never().is_none());
        assert!(far.link.next().now_or_never().is_none());
        talk(&mut near, &mut far.link, 10).await;
    });
}

/// protocol 15.14
#[test]
fn errors_of_receiving_are_waited_out() {
    let it = Simulation::new(2);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        // More than the time they last would allow if nobody waited: a loop that spins never ends here, and one that
        // waits too long lets the talk take too long.
        for errors in [1, 10, 200] {
            it.fail_receives(errors);
            let began = it.time.elapsed();
            soon(&it.runtime(), talk(&mut near, &mut far.link, 1)).await;
            let took = it.time.elapsed() - began;
            assert!(took <= Duration::from_secs(3), "{took:?} for {errors} errors");
            assert!(errors < 200 || took >= Duration::from_millis(500), "{took:?}: it spins");
        }
    });
}

#[test]
fn a_frame_over_the_limit_is_refused() {
    let it = Simulation::new(3);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        let frame = |len: usize| format!(r#"{{"x":"{}"}}"#, "x".repeat(len - 8));
        let limit = 65_480;
        for link in [&mut near, &mut far.link] {
            let error = link.feed(frame(limit + 1).into()).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&limit.to_string()), "{error}");
        }
        say(&mut near, &frame(65_480)).await;
        assert_eq!(hear(&mut far.link).await, frame(65_480));
        say(&mut far.link, &frame(65_480)).await;
        assert_eq!(hear(&mut near).await, frame(65_480));
        assert!(it.sent().iter().all(|sent| sent.bytes.len() <= 1200), "large frames go in parts");
    });
}
