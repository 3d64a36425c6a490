//! How many sessions a host resumes (protocol 11.13.3, 11.13.5).

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::MemoryLog,
    server::Limits,
    wire::{Code, Hello},
};
use chat_testkit::{hello, virtual_time::VirtualTime};

use super::{super::TestServer, person};

/// protocol 11.13.3
#[test]
fn a_host_resumes_so_many_sessions_and_the_refused_one_is_still_there_later() {
    let time = VirtualTime::new(121);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut link = server.at("192.0.2.1");
        let secret = link.hello(&hello("ana", 1)).await.resume;
        link.join("lobby", None).await;
        let again = || Hello { resume: Some(secret.clone().into()), ..hello("ana", 1) };
        for _ in 0..256 {
            link = server.at("192.0.2.1");
            assert!(link.hello(&again()).await.resumed);
        }
        let error = server.at("192.0.2.1").refused(&again()).await;
        assert_eq!(error.code, Code::RateLimited);
        assert!(matches!(error.retry_after_ms, Some(1..=250)), "{error:?}");
        assert!(error.message.contains("resumed sessions"), "{error:?}");
        link.say("lobby", "the link before goes on").await;
        assert!(server.at("192.0.2.2").hello(&again()).await.resumed, "another host has its own");
        time.pass(Duration::from_millis(250)).await;
        assert!(server.at("192.0.2.1").hello(&again()).await.resumed);
        for _ in 0..300 {
            assert!(server.dial().await.hello(&again()).await.resumed, "no limit for the server's machine");
        }
    });
}

/// protocol 11.13.5
#[test]
fn three_hundred_behind_one_shared_address_come_back_at_once() {
    let time = VirtualTime::new(122);
    time.run(async {
        let limits = Limits { shared_networks: vec!["192.0.2.0/24".parse().unwrap()], ..Limits::default() };
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let before = TestServer::with(&time, limits.clone(), log.clone()).await;
        let mut people = Vec::new();
        for n in 0..300 {
            let mut client = before.at("192.0.2.1");
            let secret = client.hello(&hello(&person(n), n as u64)).await.resume;
            client.join("lobby", None).await;
            people.push((client, secret));
        }
        // Their links are lost and they resume, and then the server is another one that does not know them.
        let after = TestServer::with(&time, limits, log).await;
        for (server, resumed) in [(&before, true), (&after, false)] {
            for (n, (link, secret)) in people.iter_mut().enumerate() {
                *link = server.at("192.0.2.1");
                let again = Hello { resume: Some(secret.clone().into()), ..hello(&person(n), n as u64) };
                assert_eq!(link.hello(&again).await.resumed, resumed);
                link.join("lobby", None).await;
            }
        }
    });
}
