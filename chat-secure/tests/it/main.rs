//! Encrypted links over memory, in virtual time: keys, refusals, machines in between, floods and bad weather.
#![allow(clippy::unwrap_used)]

mod between;
mod floods;
mod meeting;
mod returning;
mod storm;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use chat_core::{
    Address, KeyId, SharedRuntime,
    memory::Memory,
    transport::{BoxLink, Incoming, Listening, Promises, Transport},
};
use chat_secure::{Secured, StaticKey, Suite};
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::{
    FutureExt, SinkExt, StreamExt,
    future::{BoxFuture, join},
};

const HALL: &str = "memory://hall";
const HELLO: &str = r#"{"type":"hello","protocol":1,"name":"ana"}"#;

/// A network in memory, and a server's and a client's key.
struct Street {
    time: VirtualTime,
    memory: Memory,
    server: StaticKey,
    client: StaticKey,
}

impl Street {
    fn new(seed: u64) -> Street {
        let time = VirtualTime::new(seed);
        let [server, client] = [(); 2].map(|()| StaticKey::generate(&*time.shared()));
        Street { time, memory: Memory::default(), server, client }
    }

    fn runtime(&self) -> SharedRuntime {
        self.time.shared()
    }

    fn server(&self) -> Secured<Memory> {
        Secured::new(self.memory.clone(), self.server.clone(), self.runtime())
    }

    fn client(&self) -> Secured<Memory> {
        Secured::new(self.memory.clone(), self.client.clone(), self.runtime())
    }

    /// Runs `test` to its end.
    fn run<T>(&self, test: impl Future<Output = T>) -> T {
        let runtime = self.runtime();
        let outcome = self.time.run(chat_testkit::within(&runtime, Duration::from_secs(60), test));
        self.time.end();
        outcome.expect("it is done within a minute")
    }
}

fn hall() -> Address {
    HALL.parse().unwrap()
}

async fn listen(transport: &impl Transport) -> Listening {
    transport.listen(&hall()).await.unwrap()
}

/// A link whose first frame was said and heard.
async fn meet(client: &impl Transport, listening: &mut Listening) -> io::Result<(BoxLink, Incoming)> {
    let mut near = client.dial(&hall()).await?;
    say(&mut near, HELLO).await;
    let mut far = listening.incoming.next().await.unwrap();
    assert_eq!(hear(&mut far.link).await, HELLO);
    Ok((near, far))
}

async fn say(link: &mut BoxLink, frame: &str) {
    link.send(Bytes::from(frame.to_owned())).await.unwrap();
}

async fn hear(link: &mut BoxLink) -> String {
    let frame = link.next().await.expect("the link ended").expect("the link failed");
    String::from_utf8(frame.to_vec()).unwrap()
}

/// protocol 19.8, protocol 19.9
#[test]
fn of_datagrams_in_a_storm_none_is_taken_twice_and_each_late_one_once() {
    for suite in Suite::ALL {
        let tally = storm::run(20_000, suite, 7);
        assert!(tally.taken > 14_000 && tally.late > 2000, "{tally:?}");
        assert!(tally.repeated > 500 && tally.too_old > 200 && tally.forged > 500, "{tally:?}");
    }
}
