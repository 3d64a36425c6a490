//! Who is who: people from several hosts, names that look alike, secrets in the wrong hands.

use std::sync::Arc;

use chat_core::{
    ClientId,
    client::Config as ClientConfig,
    log::MemoryLog,
    server::{Config, Server},
    transport::{Transport, Transports},
    wire::{Code, Error, Event, Hello, Request, Tell},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

use super::{Hall, SECOND, elsewhere::Elsewhere};

/// protocol 2.12
#[test]
fn a_name_whose_link_is_lost_is_kept_from_other_hosts_until_its_session_ends() {
    let time = VirtualTime::new(61);
    time.run(async {
        let hosts = Elsewhere::many_hosts();
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(Config::default(), log, time.shared()).await.unwrap();
        let transports = Transports::new().with("memory", hosts.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        let dial =
            async || RawClient::new(hosts.dial(&address).await.unwrap(), hosts.promises(), time.shared());
        let mut ana = dial().await;
        ana.hello(&hello("ana", 1)).await;
        drop(ana);
        time.pass(SECOND * 10).await;
        let mut other = dial().await;
        let Error { code, retry_after_ms, .. } = other.refused(&hello("Ana", 2)).await;
        assert_eq!(code, Code::NameTaken);
        let wait = retry_after_ms.expect("it will be free");
        assert!((20_000..=20_010).contains(&wait), "half a minute after the link was lost: {wait}");
        time.pass(std::time::Duration::from_millis(wait)).await;
        assert_eq!(dial().await.hello(&hello("Ana", 2)).await.name, "Ana");
    });
}

/// protocol 4.3, 10.1
#[test]
fn whoever_looks_like_somebody_neither_gets_in_nor_gets_the_others_messages() {
    let time = VirtualTime::new(62);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut al = hall.enter("al", 2).await;
        let refused = hall.dial().await.refused(&hello("a1", 3)).await;
        assert_eq!((refused.code, refused.retry_after_ms), (Code::NameTaken, None));
        let tell = |id| {
            Request::Tell(Tell { id, to: "a1".into(), text: "for a1 alone".into(), order: None, bot: false })
        };
        assert!(matches!(ana.ask(tell).await, Event::Error(Error { code: Code::NotHere, .. })));
        assert!(!al.has_heard(|it| matches!(it, Event::Entry(_))).await);
    });
}

/// protocol 3.2, 3.3
#[test]
fn a_secret_opens_the_session_only_for_the_client_it_was_given_to() {
    let time = VirtualTime::new(63);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.dial().await;
        let secret = ana.hello(&hello("ana", 1)).await.resume;
        let stolen = Hello { resume: Some(secret.clone().into()), ..hello("cleo", 9) };
        let welcome = hall.dial().await.hello(&stolen).await;
        assert_eq!((welcome.resumed, welcome.name.as_str()), (false, "cleo"));
        assert_ne!(welcome.resume, secret);
        assert!(!ana.has_heard(|it| matches!(it, Event::Goodbye(_))).await, "nobody took ana's place");
    });
}

#[test]
fn what_is_printed_to_look_into_things_holds_no_secret() {
    let password = Some("sesame".to_owned());
    let server = Config { password: password.clone(), ..Config::default() };
    let client = ClientConfig { name: "ana".to_owned(), client: ClientId(7), password, seed: 1, raw: false };
    let time = VirtualTime::new(64);
    let (welcome, hall) = time.run(async {
        let hall = Hall::open(&time).await;
        let welcome = hall.dial().await.hello(&hello("ana", 1)).await;
        let shown = format!("{:?}", hall.server);
        (welcome, shown)
    });
    let shown = format!("{server:?} {client:?} {welcome:?} {hall} {:?}", ClientId(7));
    for secret in ["sesame", &welcome.resume, &ClientId(7).to_string()] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}
