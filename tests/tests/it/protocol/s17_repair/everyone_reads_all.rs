//! Clients on links that lose, double and overtake frames: nobody misses or repeats anything.

use std::{sync::Arc, time::Duration};

use chat_core::{client::Updates, memory::Memory, server::Limits, wire::Join};
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::future::join_all;

use crate::protocol::{SECOND, TestServer, next_entry, say};

async fn read(updates: &mut Updates, count: u64, seed: u64) -> Vec<String> {
    let mut texts = Vec::new();
    for number in 1..=count {
        let entry = next_entry(updates).await;
        assert_eq!(entry.seq, number, "seed {seed}: {entry:?}");
        texts.push(entry.body.text);
    }
    texts
}

fn bad_weather(seed: u64) {
    let time = VirtualTime::new(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let weather = Weather {
        loss: rng.u8(1..=40),
        duplicate: rng.u8(0..20),
        reorder: rng.u8(0..30),
        delay: Duration::from_millis(rng.u64(0..20)),
        ..Weather::default()
    };
    time.run(async {
        let memory = Memory::default();
        let server = TestServer::lossy(&time, &memory, weather, Limits::default()).await;
        let people = (0..PEOPLE).map(|number| {
            let over = WeatherTransport::new(Arc::new(memory.clone()), weather, rng.u64(..), time.shared());
            let (mut remote, mut updates) = server.client_over(Arc::new(over), &format!("p{number}"));
            let (time, pause) = (time.clone(), Duration::from_millis(rng.u64(1..300)));
            async move {
                let join = Join { room: "lobby".into(), after: Some(0), ..Join::default() };
                remote.ask(join, 0).await.unwrap();
                let talk = async {
                    for n in 0..EACH {
                        remote.ask(say("lobby", format!("p{number} {n:03}")), n).await.unwrap();
                        time.pass(pause).await;
                    }
                };
                let ((), texts) = futures::join!(talk, read(&mut updates, PEOPLE * EACH, seed));
                texts
            }
        });
        let all = join_all(people.collect::<Vec<_>>()).await;
        for (number, texts) in all.iter().enumerate() {
            assert_eq!(*texts, all[0], "seed {seed}");
            let own: Vec<_> = texts.iter().filter(|it| it.starts_with(&format!("p{number} "))).collect();
            assert!(own.is_sorted() && own.len() as u64 == EACH, "seed {seed}: {own:?}");
        }
        assert!(time.elapsed() < SECOND * 300, "seed {seed}: it took {:?}", time.elapsed());
    });
}

/// protocol 17.1, protocol 17.4, protocol 5.9
#[test]
fn in_bad_weather_everybody_reads_everything_once_and_in_order() {
    (0..60).for_each(bad_weather);
}

const PEOPLE: u64 = 4;
const EACH: u64 = 40;
