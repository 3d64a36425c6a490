//! The budget for creating rooms.

use std::time::Duration;

use chat_core::{
    transport::Transport,
    wire::{Code, Join, Request},
};
use chat_testkit::{hello, virtual_time::VirtualTime};

use super::{super::TestServer, refusal};

/// protocol 11.11
#[test]
fn a_host_and_a_person_create_so_many_rooms_and_no_more() {
    let time = VirtualTime::new(90);
    time.run(async {
        let server = TestServer::open(&time).await;
        let promises = server.memory.promises();
        let join = |room: String| |id| Request::new(id, Join { room: room.into(), ..Join::default() });
        let mut ana = server.accepted(promises);
        ana.hello(&hello("ana", 1)).await;
        for n in 0..20 {
            ana.join(&format!("room{n}"), None).await;
        }
        let error = refusal(ana.ask(join("one-more".to_owned())).await);
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(6001)), "10 a minute");
        assert!(error.message.contains("exists"), "it says what to do: {:?}", error.message);
        // The same host under another name has the same budget, and what exists is open to it.
        let mut bob = server.accepted(promises);
        bob.hello(&hello("bob", 2)).await;
        assert_eq!(refusal(bob.ask(join("one-more".to_owned())).await).code, Code::RateLimited);
        bob.join("room7", None).await;
        time.pass(Duration::from_millis(6001)).await;
        bob.join("one-more", None).await;
        assert_eq!(refusal(ana.ask(join("yet-another".to_owned())).await).code, Code::RateLimited);
        // This machine is not limited as a host, but its people are.
        for name in ["cleo", "dan"] {
            let mut client = server.enter(name, name.len() as u64 + 10).await;
            for n in 0..20 {
                client.join(&format!("{name}{n}"), None).await;
            }
            assert_eq!(refusal(client.ask(join(format!("{name}20"))).await).code, Code::RateLimited);
        }
    });
}
