//! A client that goes on over another transport, or another address, in the middle of a conversation.

use std::{sync::Arc, time::Duration};

use chat_core::{
    client::{Remote, Update, Updates},
    log::MemoryLog,
    memory::Memory,
    server::Limits,
    transport::{Transport, Transports},
    wire::Join,
};
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};

use crate::protocol::{TestServer, next, next_entry, s17_repair::server::Weak, say};

/// A server that is reached over two transports, of which one loses a fifth of everything.
struct TwoTransports {
    server: TestServer,
    lossy: Arc<dyn Transport>,
}

impl TwoTransports {
    async fn open(time: &VirtualTime) -> TwoTransports {
        let log = Arc::new(MemoryLog::new(1 << 24, 7));
        let server = TestServer::with(time, Limits::default().unlimited(), log).await;
        let air = Memory::default();
        let transports = Transports::new().with("memory", Weak(air.clone()));
        server.server.listen(&transports, &"memory://air".parse().unwrap()).await.unwrap();
        let weather =
            Weather { loss: 20, delay: Duration::from_millis(2), duplicate: 10, ..Weather::default() };
        let lossy = Arc::new(WeatherTransport::new(Arc::new(Weak(air)), weather, 5, time.shared()));
        TwoTransports { server, lossy }
    }

    async fn enter(&self, name: &str) -> (Remote, Updates) {
        let (mut remote, updates) = self.server.client(name);
        let join = Join { room: "lobby".into(), after: Some(0), ..Join::default() };
        remote.ask(join, 0).await.unwrap();
        (remote, updates)
    }
}

/// protocol 3.4, protocol 3.5, protocol 5.4: nothing is missed or repeated.
#[test]
fn a_client_moves_to_and_fro_while_people_talk() {
    let time = VirtualTime::new(41);
    time.run(async {
        let both = TwoTransports::open(&time).await;
        let (mut ana, mut seen_by_ana) = both.enter("ana").await;
        let (mut bob, mut seen_by_bob) = both.enter("bob").await;
        let reliable: Arc<dyn Transport> = Arc::new(both.server.memory.clone());
        let talk = async {
            for n in 0..EACH {
                ana.ask(say("lobby", format!("a{n}")), n).await.unwrap();
                bob.ask(say("lobby", format!("b{n}")), n).await.unwrap();
                if n % 20 == 7 {
                    ana.move_to(both.lossy.clone(), "memory://air".parse().unwrap()).await.unwrap();
                } else if n % 20 == 17 {
                    ana.move_to(reliable.clone(), "memory://hall".parse().unwrap()).await.unwrap();
                }
                time.pass(Duration::from_millis(30)).await;
            }
        };
        let mut resumed = 0;
        let read_ana = async {
            let mut texts = Vec::new();
            while texts.len() < 2 * EACH as usize {
                match next(&mut seen_by_ana, Some).await {
                    Update::Entry(entry) => {
                        assert_eq!(entry.seq as usize, texts.len() + 1);
                        texts.push(entry.body.text);
                    }
                    Update::Connected(welcome) if welcome.resumed => resumed += 1,
                    Update::Reset { .. } | Update::Gap(_) => panic!("something is lost"),
                    _ => {}
                }
            }
            texts
        };
        let read_bob = async {
            let mut texts = Vec::new();
            while texts.len() < 2 * EACH as usize {
                texts.push(next_entry(&mut seen_by_bob).await.body.text);
            }
            texts
        };
        let ((), by_ana, by_bob) = futures::join!(talk, read_ana, read_bob);
        assert_eq!(by_ana, by_bob);
        let own: Vec<&String> = by_ana.iter().filter(|it| it.starts_with('a')).collect();
        assert!(own.iter().enumerate().all(|(n, text)| **text == format!("a{n}")), "{own:?}");
        assert!(resumed >= 5, "it moved {resumed} times");
    });
}

/// Nobody answers where it wants to go, so it stays where it was.
#[test]
fn a_client_that_is_not_let_in_elsewhere_goes_back() {
    let time = VirtualTime::new(42);
    time.run(async {
        let both = TwoTransports::open(&time).await;
        let (mut ana, mut updates) = both.enter("ana").await;
        next(&mut updates, |it| matches!(it, Update::Joined { .. }).then_some(())).await;
        let deaf: Arc<dyn Transport> = Arc::new(Memory::default());
        ana.move_to(deaf, "memory://nowhere".parse().unwrap()).await.unwrap();
        ana.ask(say("lobby", "still here"), 1).await.unwrap();
        let moved = |it| match it {
            Update::Moved { to } => Some(to.to_string()),
            _ => None,
        };
        assert_eq!(next(&mut updates, moved).await, "memory://nowhere");
        assert_eq!(next(&mut updates, moved).await, "memory://hall");
        let resumed = |it| match it {
            Update::Connected(welcome) => Some(welcome.resumed),
            _ => None,
        };
        assert!(next(&mut updates, resumed).await, "nobody saw it leave");
        assert_eq!(next_entry(&mut updates).await.body.text, "still here");
    });
}

const EACH: u64 = 100;
