//! Protocol, section 19: how a client ends that must not go on to a server (19.5, 19.13).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chat_core::{
    ClientId,
    client::{Config as ClientConfig, Update, start},
    memory::Memory,
    transport::{Transport, Transports},
    wire::{Code, Error},
};
use chat_secure::{Secured, StaticKey};
use chat_testkit::virtual_time::VirtualTime;
use futures::StreamExt;

use super::TestServer;

/// The refusal with which a client over `transport` ends, after which it does not dial again.
async fn refusal(server: &TestServer, transport: Arc<dyn Transport>) -> Error {
    let config =
        ClientConfig { name: "ana".to_owned(), client: ClientId(7), password: None, seed: 1, raw: false };
    let address = server.address.clone();
    let (_remote, mut updates) = start(config, transport, address, server.time.shared());
    let update = updates.next().await;
    let Some(Update::Refused(error)) = update else { panic!("{update:?}") };
    assert_eq!(updates.next().await, None, "the client has ended");
    assert_eq!(error.code, Code::NotWelcome);
    error
}

fn secured(memory: &Memory, time: &VirtualTime) -> Secured<Memory> {
    let runtime = time.shared();
    Secured::new(memory.clone(), StaticKey::generate(&*runtime), runtime)
}

/// protocol 19.13
#[test]
fn a_server_with_another_key_is_dialled_once() {
    let time = VirtualTime::new(190);
    time.run(async {
        let server = TestServer::open(&time).await;
        let door = "memory://door".parse().unwrap();
        let transports = Transports::new().with("memory", secured(&server.memory, &time));
        let address = server.server.listen(&transports, &door).await.unwrap();
        let server = TestServer { address, ..server };
        let dialled = Arc::new(AtomicUsize::new(0));
        let count = dialled.clone();
        let wary = secured(&server.memory, &time).with_check(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            Err("this is another server than before".to_owned())
        });
        let error = refusal(&server, Arc::new(wary)).await;
        assert!(error.message.contains("another server than before"), "{error:?}");
        assert_eq!(dialled.load(Ordering::Relaxed), 1);
        assert_eq!(server.sessions(), 0);
    });
}

/// protocol 19.5
#[test]
fn a_client_that_encrypts_does_not_go_on_without() {
    let time = VirtualTime::new(191);
    time.run(async {
        let server = TestServer::open(&time).await;
        let error = refusal(&server, Arc::new(secured(&server.memory, &time))).await;
        assert!(error.message.contains("does not encrypt"), "{error:?}");
        assert_eq!(server.sessions(), 0);
    });
}
