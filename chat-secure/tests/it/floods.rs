//! Handshakes that are begun and not done.

use chat_core::{
    transport::Peer,
    wire::{self, Code, Event},
};

use super::*;

/// Memory whose peers come from the hosts that a test says.
struct Hosts {
    memory: Memory,
    /// How many links come from each host, one host after the other.
    links_of_each: usize,
}

impl Transport for Hosts {
    fn promises(&self) -> Promises {
        self.memory.promises()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let Listening { address, incoming } = self.memory.listen(address).await?;
            let each = self.links_of_each;
            let mut count = 0;
            let incoming = incoming.map(move |incoming: Incoming| {
                let host = format!("10.0.0.{}", count / each);
                count += 1;
                let peer = Peer { host, local: false, ..incoming.peer };
                Incoming { peer, ..incoming }
            });
            Ok(Listening { address, incoming: incoming.boxed() })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.memory.dial(address)
    }
}

/// What links are told that say nothing.
async fn told(street: &Street, links: &mut [BoxLink]) -> Vec<Option<wire::Error>> {
    street.time.settle().await;
    let mut told = Vec::new();
    for link in links {
        told.push(link.next().now_or_never().map(|frame| match wire::read_event(&frame.unwrap().unwrap()) {
            Ok(Event::Error(error)) => error,
            other => panic!("{other:?}"),
        }));
    }
    told
}

async fn dial(street: &Street, count: usize) -> Vec<BoxLink> {
    let mut links = Vec::new();
    for _ in 0..count {
        links.push(street.memory.dial(&hall()).await.unwrap());
    }
    links
}

/// protocol 19.12
#[test]
fn a_host_has_64_unfinished_handshakes_and_all_have_1000() {
    let street = Street::new(1);
    let hosts = Hosts { memory: street.memory.clone(), links_of_each: 70 };
    let server = Secured::new(hosts, street.server.clone(), street.runtime());
    street.run(async {
        let _listening = listen(&server).await;
        // Of 70 links of a host 6 are refused, so 15 hosts have 960 places and the next one has 40.
        let mut links = dial(&street, 16 * 70).await;
        let told = told(&street, &mut links).await;
        for (host, told) in told.chunks(70).enumerate() {
            let places = if host < 15 { 64 } else { 40 };
            assert!(told[..places].iter().all(Option::is_none), "host {host}");
            for refused in &told[places..] {
                let error = refused.as_ref().expect("further ones are told");
                assert_eq!((error.code, error.retry_after_ms), (Code::Full, Some(251)));
            }
        }
        // After 5 s they have to do without, and there is room again.
        street.time.pass(Duration::from_secs(7)).await;
        for link in links.iter_mut().take(64) {
            let Ok(Event::Error(error)) = wire::read_event(hear(link).await.as_bytes()) else { panic!() };
            assert_eq!(error.message, "no handshake within 5s");
            assert!(link.next().await.is_none());
        }
        let mut links = dial(&street, 64).await;
        assert!(super::floods::told(&street, &mut links).await.iter().all(Option::is_none));
    });
}

/// protocol 19.12
#[test]
fn a_place_is_free_again_when_its_handshake_is_done_or_given_up() {
    let street = Street::new(2);
    let hosts = Hosts { memory: street.memory.clone(), links_of_each: usize::MAX };
    let server = Secured::new(hosts, street.server.clone(), street.runtime());
    street.run(async {
        let mut listening = listen(&server).await;
        let mut kept = Vec::new();
        for _ in 0..200 {
            kept.push(meet(&street.client(), &mut listening).await.unwrap());
        }
        for _ in 0..200 {
            drop(dial(&street, 1).await);
            street.time.settle().await;
        }
        let mut links = dial(&street, 64).await;
        assert!(told(&street, &mut links).await.iter().all(Option::is_none));
    });
}

/// Whether the first frame of a handshake from one host is answered by more of it.
async fn is_answered(street: &Street) -> bool {
    let mut link = street.memory.dial(&hall()).await.unwrap();
    let suite = Suite::AesGcm.name();
    let noise = "A".repeat(43);
    say(&mut link, &format!(r#"{{"type":"secure","protocol":1,"suite":"{suite}","noise":"{noise}"}}"#)).await;
    match wire::read_event(hear(&mut link).await.as_bytes()) {
        Ok(Event::Error(error)) => {
            assert_eq!((error.code, error.retry_after_ms.is_some()), (Code::Full, true));
            false
        }
        _ => true,
    }
}

/// protocol 19.21
#[test]
fn a_host_begins_200_handshakes_at_once_and_then_50_a_second() {
    let street = Street::new(3);
    let hosts = Hosts { memory: street.memory.clone(), links_of_each: 400 };
    let server = Secured::new(hosts, street.server.clone(), street.runtime());
    street.run(async {
        let _listening = listen(&server).await;
        let mut answered = 0;
        for _ in 0..210 {
            answered += u32::from(is_answered(&street).await);
        }
        assert!((200..=201).contains(&answered), "{answered}");
        street.time.pass(Duration::from_secs(1)).await;
        let mut later = 0;
        for _ in 0..60 {
            later += u32::from(is_answered(&street).await);
        }
        assert!((50..=51).contains(&later), "{later}");
        // Links without encryption are not counted, and neither is another host.
        for _ in 270..400 {
            drop(dial(&street, 1).await);
        }
        street.time.settle().await;
        assert!(is_answered(&street).await, "another host");
    });
}

/// protocol 19.21
#[test]
fn the_own_machine_begins_as_many_as_it_likes() {
    let street = Street::new(4);
    street.run(async {
        let _listening = listen(&street.server()).await;
        for _ in 0..300 {
            assert!(is_answered(&street).await);
        }
    });
}
