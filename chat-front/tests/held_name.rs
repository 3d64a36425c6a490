//! A user whose program was killed comes back without the secret of the old session, and is told what is going on.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use chat_core::{
    Address,
    log::MemoryLog,
    memory::Memory,
    server::{Config, Server},
    transport::{Transport, Transports},
};
use chat_front::{Connector, Conversation, Identity, text::en};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

/// protocol 2.12, protocol 14.5
#[test]
fn a_name_that_is_held_is_waited_for_and_the_user_is_told_in_words() {
    let time = VirtualTime::new(1);
    time.run(async {
        let memory = Memory::default();
        let transports = Transports::new().with("memory", memory.clone());
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(Config::default(), log, time.shared()).await.unwrap();
        let hall: Address = "memory://hall".parse().unwrap();
        let address = server.listen(&transports, &hall).await.unwrap();
        // The program that is killed has sent a request, so its session outlives its link (protocol 3.9).
        let link = memory.dial(&address).await.unwrap();
        let mut killed = RawClient::new(link, memory.promises(), time.shared());
        killed.hello(&hello("ana", 1)).await;
        killed.join("lobby", None).await;
        drop(killed);
        time.pass(Duration::from_secs(4)).await;

        let identity = Identity { names: vec!["ana".to_owned()], password: None };
        let connector = Connector::new(&transports, time.shared(), address.clone(), identity).unwrap();
        let mut conversation = Conversation::new(address);
        let mut told = Vec::new();
        let began = time.elapsed();
        let waiting = |update: &chat_core::client::Update| {
            let notices = conversation.on_update(update.clone());
            told.extend(
                notices.iter().flat_map(|notice| en::lines(notice, None)).map(|line| line.to_string()),
            );
            Ok(())
        };
        let session = connector.enter(waiting).await.unwrap();
        assert_eq!((session.welcome.name.as_str(), session.welcome.resumed), ("ana", false));
        let waited = time.elapsed() - began;
        assert!((26..=27).contains(&waited.as_secs()), "the 30 s since the link was lost: {waited:?}");
        let [line] = &told[..] else { panic!("the user is told once: {told:?}") };
        for words in ["not let in yet", "ana has lost the connection and may come back", "trying again in 2"]
        {
            assert!(line.contains(words), "{words:?} is not in {line:?}");
        }
    });
}
