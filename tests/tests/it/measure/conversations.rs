//! Conversations that are measured, in virtual time: where nothing takes time but the link, figures are exact.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Runtime,
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{Transport, Transports},
};
use chat_measure::{
    Conversation, Counters, Figures, JoinedClients, Pace, Plan, Samples, TargetServer, figures,
};
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};

use crate::protocol::{
    SECOND, TestServer,
    s17_repair::server::{self, Weak},
};

fn talk() -> Conversation {
    Conversation {
        people: 6,
        rooms: 1,
        speakers: 6,
        pace: Pace::Rate { messages: 30.0, burst: 2 },
        size: 20..=100,
        lasts: SECOND * 20,
    }
}

async fn server(time: &VirtualTime) -> TestServer {
    server::open(time, Limits::default().unlimited()).await
}

/// Where server and people rely on nothing, or where both do.
fn target(server: &TestServer, weather: Weather) -> TargetServer {
    let runtime = server.time.shared();
    let (inner, at): (Arc<dyn Transport>, _) = match repairs(weather) {
        true => (Arc::new(Weak(server.memory.clone())), "memory://hall"),
        false => (Arc::new(server.memory.clone()), "memory://firm"),
    };
    let transport = Arc::new(WeatherTransport::new(inner, weather, 5, runtime.clone()));
    TargetServer { transport, address: at.parse().unwrap(), password: None, prefix: "p-".to_owned(), runtime }
}

fn repairs(weather: Weather) -> bool {
    weather.loss + weather.duplicate + weather.reorder > 0
}

/// Holds it, and gives the samples back with the plan and what was counted.
fn hold(conversation: Conversation, weather: Weather, raw: bool) -> (Plan, Vec<Samples>, Arc<Counters>) {
    let time = VirtualTime::new(3);
    time.run(async {
        let server = server(&time).await;
        let plan = Arc::new(Plan::new(conversation.checked().unwrap(), 11));
        let counters = Arc::new(Counters::default());
        let joined = JoinedClients::join(plan.clone(), target(&server, weather), raw, counters.clone()).await;
        let mut clients = joined.unwrap();
        assert_eq!((counters.joined(), counters.said()), (plan.conversation().people, 0));
        clients.talk(time.now() + SECOND).await;
        let samples = clients.leave().await;
        assert_eq!(samples.len(), plan.conversation().people);
        ((*plan).clone(), samples, counters)
    })
}

fn measured(conversation: Conversation, weather: Weather, raw: bool) -> Figures {
    let (plan, samples, counters) = hold(conversation, weather, raw);
    let figures = figures(&plan, &samples, &[], repairs(weather) && !raw);
    assert_eq!((figures.said, figures.delivered), (counters.said(), counters.delivered()));
    assert_eq!(figures.expected, figures.delivered + figures.lost);
    assert_eq!(figures.latency.count(), figures.delivered);
    assert_eq!(figures.over_time.iter().map(|it| it.delivered).sum::<u64>(), figures.delivered);
    figures
}

#[test]
fn on_a_good_link_all_is_delivered_after_the_way_there_and_the_way_on() {
    let delay = Duration::from_millis(10);
    let figures = measured(talk(), Weather { delay, ..Weather::default() }, false);
    assert!((480..720).contains(&figures.said), "30 a second for 20 s: {}", figures.said);
    assert_eq!(figures.expected, 5 * figures.said);
    assert_eq!((figures.lost, figures.duplicated, figures.reordered), (0, 0, 0));
    assert_eq!((figures.before_repair, figures.retransmissions, figures.stalls), (None, None, None));
    for quantile in [0.0, 0.5, 1.0] {
        let latency = figures.latency.quantile(quantile).unwrap();
        assert!((20_000..20_050).contains(&latency), "{latency}");
    }
    assert!(figures.join.took.max().unwrap() < 100_000 && figures.join.redialled == 0, "{:?}", figures.join);
    // 20 to 100 bytes, five times each.
    let bytes = figures.goodput * figures.lasted_us as f64 / 1e6;
    assert!((55.0..65.0).contains(&(bytes / figures.delivered as f64)), "{bytes}");
}

#[test]
fn what_is_lost_stays_lost_where_nothing_is_made_up_for() {
    let weather =
        Weather { loss: 10, duplicate: 5, reorder: 5, delay: Duration::from_millis(5), ..Weather::default() };
    let raw = measured(talk(), weather, true);
    // Lost on the way up for everybody, or on the way down for one.
    let lost = raw.lost as f64 / raw.expected as f64;
    assert!((0.15..0.24).contains(&lost), "{lost}");
    assert!(raw.duplicated > 50 && raw.reordered > 20, "{raw:?}");
    let repaired = measured(talk(), weather, false);
    assert_eq!((repaired.lost, repaired.duplicated, repaired.reordered), (0, 0, 0));
    let before = repaired.before_repair.unwrap();
    assert!(before.lost > 50 && before.duplicated > 50 && before.reordered > 20, "{before:?}");
    let stalls = repaired.stalls.unwrap();
    assert!(stalls.count > 20 && stalls.longest_us * stalls.count >= stalls.total_us, "{stalls:?}");
    assert!(repaired.retransmissions.unwrap() > 100);
    assert!(repaired.latency.max() > raw.latency.max(), "it costs time");
}

#[test]
fn the_same_seeds_make_the_same_figures() {
    let weather = Weather { loss: 5, reorder: 5, delay: Duration::from_millis(5), ..Weather::default() };
    for raw in [true, false] {
        assert_eq!(measured(talk(), weather, raw), measured(talk(), weather, raw));
    }
}

#[test]
fn only_those_in_the_room_are_counted_on() {
    let rooms = Conversation { people: 7, rooms: 3, speakers: 2, ..talk() };
    let figures = measured(rooms, Weather::default(), false);
    // Of seven in three rooms, three are in the first with one who speaks, and two in the second with the other.
    assert!(figures.expected > figures.said && figures.expected < 2 * figures.said, "{figures:?}");
    assert_eq!(figures.lost, 0);
}

#[test]
fn as_fast_as_it_goes_is_as_fast_as_answers_come() {
    let delay = Duration::from_millis(10);
    let flood = Conversation { pace: Pace::Window { messages: 4 }, lasts: SECOND * 2, speakers: 2, ..talk() };
    let figures = measured(flood.clone(), Weather { delay, ..Weather::default() }, false);
    // Four each in 20 ms, two speakers, for two seconds.
    assert!((780..=808).contains(&figures.said), "{}", figures.said);
    assert_eq!(figures.lost, 0);
    let lossy = measured(flood, Weather { delay, loss: 20, ..Weather::default() }, true);
    assert!(lossy.said > 100 && lossy.lost > 0, "what is lost does not stop it: {}", lossy.said);
}

#[test]
fn a_link_that_is_cut_in_the_middle_loses_nothing() {
    let figures = measured(talk(), Weather { cut_after: 300, ..Weather::default() }, false);
    assert!(figures.join.redialled > 3, "{:?}", figures.join);
    assert_eq!((figures.lost, figures.duplicated), (0, 0));
}

#[test]
fn nobody_talks_before_all_are_in() {
    let time = VirtualTime::new(3);
    let join = |server: &TestServer, weather| {
        JoinedClients::join(Arc::new(Plan::new(talk(), 1)), target(server, weather), false, Arc::default())
    };
    let absent =
        time.run(async { join(&server(&time).await, Weather { loss: 100, ..Weather::default() }).await });
    assert_eq!(absent.unwrap_err(), "6 of 6 people were not in their rooms within 20 s: nobody answers");
    let refused = time.run(async {
        let password = Some("open sesame".to_owned());
        let config =
            Config { limits: Limits::default(), password, software: "hall".to_owned(), signer: None };
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(config, log, time.shared()).await.unwrap();
        let memory = Memory::default();
        let transports = Transports::new().with("memory", memory.clone());
        let address = server.listen(&transports, &"memory://firm".parse().unwrap()).await.unwrap();
        join(&TestServer { time: time.clone(), memory, server, address }, Weather::default()).await
    });
    assert!(refused.unwrap_err().contains("password"), "it says why");
}
