//! Two tasks that stop a server at once.

use std::sync::Arc;

use chat_core::{Runtime, server::Limits};
use chat_testkit::virtual_time::VirtualTime;
use futures::{FutureExt, channel::oneshot, future::join_all};

use super::super::{SECOND, TestServer, slow_log::SlowLog};

/// protocol 12.7
#[test]
fn of_two_tasks_that_stop_a_server_at_once_both_are_woken_when_it_has_stopped() {
    let time = VirtualTime::new(94);
    time.run(async {
        let server = TestServer::with(&time, Limits::default(), Arc::new(SlowLog::new(&time))).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":107,"room":"lobby","text":"hi"}"#).await;
        time.settle().await;
        let (server, began) = (Arc::new(server), time.now());
        // Two tasks: one task that waits for both would be woken for either.
        let ends = [(); 2].map(|()| {
            let (stopped, is_stopped) = oneshot::channel();
            let (server, clock) = (server.clone(), time.clone());
            let stop = async move {
                server.stop().await;
                let _ = stopped.send(clock.now() - began); // the test may have failed already
            };
            time.spawn(stop.boxed());
            is_stopped
        });
        ana.rest().await;
        for took in join_all(ends).await {
            let took = took.expect("each call of stop returns");
            assert!(took <= SECOND * 2, "the log takes a second: {took:?}");
        }
    });
}
