//! Real clients and servers with a password, over encrypted links of every transport.

use std::{sync::Arc, time::Duration};

use chat_core::{
    ClientId, SharedRuntime,
    client::{self, Config as ClientConfig, Password, Update},
    log::MemoryLog,
    memory::Memory,
    server::{Config, Server},
    transport::{Transport, Transports},
    wire::Code,
};
use chat_secure::{Secured, StaticKey};
use chat_tcp::Tcp;
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
    within,
};
use chat_udp::Udp;
use futures::{StreamExt, executor::block_on};

use crate::runtime::runtime;

/// What comes of a client that was told this password, at a server whose password is `sesame`. `make` makes a transport for
/// each of the two.
async fn meet<T: Transport>(
    runtime: &SharedRuntime,
    make: impl Fn(SharedRuntime) -> T,
    (at, scheme): (&str, &str),
    passwords: [Option<&str>; 2],
) -> Result<String, Code> {
    let [wanted, told] = passwords;
    let config = Config { password: wanted.map(str::to_owned), ..Config::default() };
    let log = Arc::new(MemoryLog::new(1 << 20, 7));
    let server = Server::start(config, log, runtime.clone()).await.unwrap();
    let secured = || Secured::new(make(runtime.clone()), StaticKey::generate(&**runtime), runtime.clone());
    let transports = Transports::new().with(scheme, secured());
    let address = server.listen(&transports, &at.parse().unwrap()).await.unwrap();
    let config = ClientConfig {
        name: "ana".to_owned(),
        client: ClientId(runtime.random()),
        password: told.map(Password::new),
        seed: 1,
        raw: false,
    };
    let transport: Arc<dyn Transport> = Arc::new(secured());
    let (remote, mut updates) = client::start(config, transport, address, runtime.clone());
    let outcome = async {
        loop {
            match updates.next().await.expect("the client goes on") {
                Update::Connected(welcome) => return Ok(welcome.name),
                Update::Refused(error) => return Err(error.code),
                _ => {}
            }
        }
    };
    let outcome = within(runtime, Duration::from_secs(60), outcome).await.expect("it comes to an end");
    if wanted.is_some() {
        assert_eq!(server.sessions(), usize::from(outcome.is_ok()));
    }
    drop(remote);
    server.stop().await;
    outcome
}

/// Every pair of passwords over these links.
async fn all<T: Transport, M: Fn(SharedRuntime) -> T>(
    runtime: SharedRuntime,
    network: impl Fn() -> M,
    (at, scheme): (&str, &str),
) {
    let asks = Some("sesame");
    let known = Ok("ana".to_owned());
    let unknown = Err(Code::BadPassword);
    for (passwords, outcome) in [
        ([asks, Some("sesame")], &known),
        ([asks, Some("Sesame")], &unknown),
        ([asks, None], &unknown),
        ([None, None], &known),
        ([None, Some("sesame")], &unknown), // protocol 20.6
    ] {
        assert_eq!(
            &meet(&runtime, network(), (at, scheme), passwords).await,
            outcome,
            "{passwords:?} at {at}"
        );
    }
}

/// protocol 20.2, 20.3, 20.6
#[test]
fn the_right_password_alone_opens_over_encrypted_memory() {
    let time = VirtualTime::new(220);
    let network = || {
        let memory = Memory::default();
        move |_| memory.clone()
    };
    time.run(all(time.shared(), network, ("memory://hall", "memory")));
}

/// protocol 20.2, 20.3, 20.6
#[test]
fn the_right_password_alone_opens_over_encrypted_tcp() {
    block_on(all(runtime(), || Tcp::new, ("tcp://127.0.0.1:0", "tcp")));
}

/// protocol 20.2, 20.3, 20.6
#[test]
fn the_right_password_alone_opens_over_encrypted_udp() {
    block_on(all(runtime(), || Udp::new, ("udp://127.0.0.1:0", "udp")));
}

/// protocol 20.2.1: where a third of the frames is lost, and others come twice and late.
#[test]
fn the_right_password_opens_over_encrypted_links_that_lose_frames() {
    let weather = Weather {
        loss: 30,
        duplicate: 20,
        reorder: 20,
        hold: 3,
        delay: Duration::ZERO,
        ..Weather::default()
    };
    for seed in 0..20 {
        let (time, memory) = (VirtualTime::new(300 + seed), Memory::default());
        let make = |runtime| WeatherTransport::new(Arc::new(memory.clone()), weather, seed, runtime);
        let runtime = time.shared();
        time.run(async {
            let known = [Some("sesame"), Some("sesame")];
            let outcome = meet(&runtime, make, ("memory://hall", "memory"), known).await;
            assert_eq!(outcome, Ok("ana".to_owned()), "seed {seed}");
            let wrong = [Some("sesame"), Some("Sesame")];
            let outcome = meet(&runtime, make, ("memory://hall2", "memory"), wrong).await;
            assert_eq!(outcome, Err(Code::BadPassword), "seed {seed}");
        });
    }
}
