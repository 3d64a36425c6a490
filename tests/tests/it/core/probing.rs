//! Whoever was killed on a link that does not tell gets the name back soon, and nobody else's.

use std::time::Duration;

use chat_core::{
    client::Update,
    memory::Memory,
    server::Limits,
    transport::Transport,
    wire::{Code, Error},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime, weather::Weather};

use super::{Hall, SECOND, lossy, next};

/// A server whose links promise nothing, although they lose nothing.
async fn open(time: &VirtualTime) -> Hall {
    let unsure = Weather { reorder: 1, ..Weather::default() };
    lossy::open(time, &Memory::default(), unsure, Limits::default()).await
}

/// Says hello as ana on a new link.
async fn come_back(hall: &Hall, number: u64) -> Result<RawClient, Error> {
    let link = hall.memory.dial(&hall.address).await.unwrap();
    let mut client = RawClient::new(link, hall.memory.promises(), hall.time.shared());
    let answer = client.say_hello(&hello("ana", number)).await.expect("a hello is answered");
    answer.map(|_| client)
}

/// protocol 2.14
#[test]
fn a_name_whose_owner_gives_no_sign_of_life_is_free_after_three_tries() {
    let time = VirtualTime::new(71);
    time.run(async {
        let hall = open(&time).await;
        let _silent = come_back(&hall, 1).await.expect("the name is free");
        time.pass(SECOND).await;
        for _ in 0..3 {
            // Asking again at once does not make it faster.
            for number in 2..4 {
                let error = come_back(&hall, number).await.expect_err("ana may be there");
                assert_eq!((error.code, error.retry_after_ms), (Code::NameTaken, Some(500)));
            }
            time.pass(Duration::from_millis(500)).await;
        }
        come_back(&hall, 4).await.expect("ana was not there");
        assert_eq!(hall.server.sessions(), 1);
    });
}

/// protocol 2.14, protocol 17.10
#[test]
fn a_name_whose_owner_is_there_is_not_had() {
    let time = VirtualTime::new(72);
    time.run(async {
        let hall = open(&time).await;
        let unsure = Weather { reorder: 1, ..Weather::default() };
        let over = chat_testkit::weather::WeatherTransport::new(
            std::sync::Arc::new(hall.memory.clone()),
            unsure,
            1,
            time.shared(),
        );
        let (_ana, mut seen_by_ana) = hall.client_over(std::sync::Arc::new(over), "ana");
        next(&mut seen_by_ana, |it| matches!(it, Update::Connected(_)).then_some(())).await;
        for _ in 0..3 {
            time.pass(SECOND).await;
            let error = come_back(&hall, 2).await.expect_err("ana is there");
            assert_eq!((error.code, error.retry_after_ms), (Code::NameTaken, Some(500)));
            time.pass(Duration::from_millis(500)).await;
            let error = come_back(&hall, 2).await.expect_err("ana is there");
            assert_eq!((error.code, error.retry_after_ms), (Code::NameTaken, None));
        }
    });
}
