//! The end of a link and of a server: nothing stays behind, whatever the other end does.

use chat_core::{
    server::Limits,
    transport::Transport,
    wire::{Event, Request, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::{FutureExt, SinkExt, StreamExt};

use super::{Hall, SECOND};

/// protocol 12.7
#[test]
fn a_server_that_has_stopped_has_no_session_left() {
    for seed in 0..100 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let hall = Hall::open(&time).await;
            let mut ana = hall.enter("ana", 1).await;
            ana.join("lobby", None).await;
            let leaving = async {
                ana.rest().await;
                drop(ana);
            };
            futures::join!(hall.server.stop(), leaving);
            assert_eq!(hall.server.sessions(), 0, "seed {seed}");
        });
    }
}

/// protocol 12.2
#[test]
fn a_peer_that_does_not_hang_up_is_hung_up_on() {
    let time = VirtualTime::new(1);
    time.run(async {
        let hall = Hall::open(&time).await;
        for frames in [vec!["{".into()], vec![write(&Request::Hello(hello("ana", 1))), "{".into()]] {
            let mut link = hall.memory.dial(&hall.address).await.unwrap();
            for frame in frames {
                link.send(frame).await.unwrap();
            }
            while link.next().await.is_some() {}
            time.pass(SECOND * 2).await;
            assert!(matches!(link.send("x".into()).now_or_never(), Some(Err(_))), "nobody is there");
        }
    });
}

/// protocol 12.7
#[test]
fn a_peer_that_does_not_hang_up_does_not_hold_up_a_server_that_stops() {
    for seed in 0..20 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let hall = Hall::with(
                &time,
                Limits::default(),
                std::sync::Arc::new(chat_core::log::MemoryLog::new(1 << 20, 7)),
            )
            .await;
            let mut ana = hall.enter("ana", 1).await;
            let began = time.elapsed();
            let ((), rest) = futures::join!(hall.server.stop(), ana.rest());
            assert!(matches!(rest[..], [Event::Goodbye(_)]));
            assert!(time.elapsed() - began <= SECOND * 2, "seed {seed}: {:?}", time.elapsed() - began);
            let _: RawClient = ana;
        });
    }
}
