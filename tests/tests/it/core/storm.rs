//! Everything at once, from many seeds: people join, leave, say and tell while links are cut and the server restarts.
//! Whatever happens, the rooms stay whole and everybody sees the same.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chat_core::{
    client::{Remote, Update, Updates},
    log::MemoryLog,
    memory::Memory,
    server::Limits,
    wire::{Ack, Code, EntryFrame, Error, Event, Join, Leave, Reason, Request, Tell},
};
use chat_tests::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::{StreamExt, future::join_all};

use super::{Hall, SECOND, say};

/// What one person was told.
#[derive(Default)]
struct Story {
    name: &'static str,
    /// What was answered, by tag.
    answers: HashMap<u64, Event>,
    /// The room of each entry that was shown, in order. A join that was asked for begins anew.
    shown: Vec<EntryFrame>,
    told: Vec<String>,
}

/// What one person asks for, one after the other; the tag is the place.
fn plan(rng: &mut fastrand::Rng, name: &str) -> Vec<Request<'static>> {
    let mut asked: Vec<Request<'static>> = ROOMS.iter().map(|room| join(room)).collect();
    for n in 0..REQUESTS {
        let room = ROOMS[rng.usize(..ROOMS.len())];
        let text = format!("{name} {n:03}");
        asked.push(match rng.u8(..20) {
            0 => Request::Leave(Leave { id: 0, room: room.into() }),
            1 | 2 => join(room),
            3..6 => {
                let to = PEOPLE[rng.usize(..PEOPLE.len())];
                Request::Tell(Tell { id: 0, to: to.into(), text: text.into(), order: None })
            }
            _ => say(room, text),
        });
    }
    asked.extend(ROOMS.iter().map(|room| join(room)));
    asked
}

fn join(room: &'static str) -> Request<'static> {
    Request::Join(Join { room: room.into(), ..Join::default() })
}

async fn ask(time: VirtualTime, mut rng: fastrand::Rng, mut remote: Remote, plan: &[Request<'static>]) {
    for (tag, request) in plan.iter().enumerate() {
        remote.ask(request.clone(), tag as u64).await.unwrap();
        if rng.bool() {
            time.pass(Duration::from_millis(rng.u64(..400))).await;
        }
    }
    // Everything is answered long before anybody would leave.
    time.pass(SECOND * 300).await;
}

async fn listen(name: &'static str, mut updates: Updates) -> Story {
    let mut story = Story { name, ..Story::default() };
    let mut cursors: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(update) = updates.next().await {
        match update {
            Update::Joined { tag, joined } => {
                cursors.insert(joined.room.clone(), joined.after);
                if let Some(tag) = tag {
                    story.answers.insert(tag, Event::Joined(joined));
                }
            }
            Update::Reply { tag, reply } => {
                assert!(story.answers.insert(tag, reply).is_none(), "{name} is answered twice: {tag}");
            }
            Update::Entry(entry) if entry.room == "@" => story.told.push(entry.text),
            Update::Entry(entry) => {
                let cursor = cursors.insert(entry.room.clone(), entry.seq);
                assert_eq!(cursor, Some(entry.seq - 1), "{name} misses or repeats: {entry:?}");
                story.shown.push(entry);
            }
            Update::Connected(_) | Update::Disconnected { .. } | Update::Goodbye(Reason::Shutdown) => {}
            Update::Presence(_) | Update::Members(_) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
    story
}

fn storm(seed: u64) {
    let time = VirtualTime::new(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    time.run(async {
        let limits = Limits { grace: SECOND * rng.u32(1..30), ..Limits::default() };
        let log = Arc::new(MemoryLog::new(1 << 24, 7));
        let memory = Memory::default();
        let mut hall = Hall::over(&time, memory.clone(), limits.clone(), log.clone()).await;
        let delay = Duration::from_millis([0, 3, 150][rng.usize(..3)]);
        let weather = Weather { cut_after: rng.u64(80..200), delay, ..Weather::default() };
        let (mut plans, mut asking, mut listening) = (Vec::new(), Vec::new(), Vec::new());
        for name in PEOPLE {
            let over = WeatherTransport::new(Arc::new(memory.clone()), weather, rng.u64(..), time.shared());
            let (remote, updates) = hall.client_over(Arc::new(over), name);
            plans.push(plan(&mut rng, name));
            asking.push((remote, rng.fork()));
            listening.push(listen(name, updates));
        }
        let asking =
            asking.into_iter().zip(&plans).map(|((remote, rng), it)| ask(time.clone(), rng, remote, it));
        let restart = async {
            for _ in 0..2 {
                time.pass(SECOND * rng.u32(1..15)).await;
                hall.server.stop().await;
                hall = Hall::over(&time, memory.clone(), limits.clone(), log.clone()).await;
            }
        };
        let (_, (), stories) = futures::join!(join_all(asking), restart, join_all(listening));
        let mut reader = hall.enter("zoe", 99).await;
        let mut logs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for room in ROOMS {
            let head = reader.join(room, Some(0)).await.head;
            let entries = reader.entries(room, 1..=head).await;
            logs.insert(room, entries.into_iter().map(|it| it.text).collect());
        }
        for (story, plan) in stories.iter().zip(&plans) {
            check(seed, story, plan, &logs);
        }
    });
}

/// Every request is answered, what was acknowledged is stored once and at its number, and in the order asked.
fn check(seed: u64, story: &Story, plan: &[Request<'static>], logs: &BTreeMap<&str, Vec<String>>) {
    let name = story.name;
    for (tag, request) in plan.iter().enumerate() {
        let answer = story.answers.get(&(tag as u64));
        let answer = answer.unwrap_or_else(|| panic!("seed {seed}: {name} gets no answer to {request:?}"));
        match (request, answer) {
            (Request::Say(say), Event::Ack(Ack { room, seq, .. })) => {
                let log = &logs[room.as_str()];
                assert_eq!(log[*seq as usize - 1], say.text, "seed {seed}");
                assert_eq!(log.iter().filter(|it| **it == say.text).count(), 1, "seed {seed}");
            }
            (Request::Say(_) | Request::Leave(_), Event::Error(Error { code: Code::NotJoined, .. }))
            | (Request::Tell(_), Event::Ack(_) | Event::Error(Error { code: Code::NotHere, .. }))
            | (Request::Join(_), Event::Joined(_))
            | (Request::Leave(_), Event::Left(_)) => {}
            other => panic!("seed {seed}: {name}: {other:?}"),
        }
    }
    for log in logs.values() {
        let own: Vec<_> = log.iter().filter(|it| it.starts_with(name)).collect();
        assert!(own.is_sorted(), "seed {seed}: {own:?}");
    }
    for entry in &story.shown {
        assert_eq!(logs[entry.room.as_str()][entry.seq as usize - 1], entry.text, "seed {seed}: {name}");
    }
    assert!(!story.shown.is_empty());
}

#[test]
fn in_any_storm_rooms_stay_whole_and_everybody_sees_the_same() {
    (0..SEEDS).for_each(storm);
}

const SEEDS: u64 = 40;
const REQUESTS: usize = 60;
const PEOPLE: [&str; 4] = ["ana", "bob", "cleo", "dan"];
const ROOMS: [&str; 3] = ["lobby", "hall", "attic"];
