//! Checks of people and their names: a log applies the records about them as [`People`] does, whoever wrote them, and keeps
//! what it has applied.

use std::thread;

use chat_core::{
    KeyId, PersonName, Registry,
    log::{Outcome, People, PeopleRecord, Record, RoomLog, Write},
};
use futures::{FutureExt, StreamExt, executor::block_on};

use super::{Medium, fixture::*};

fn key(number: usize) -> KeyId {
    KeyId([u8::try_from(number).expect("few keys"); 32])
}

fn person(name: &str) -> PersonName {
    PersonName::parse(name).expect("the suite uses names that are good")
}

fn record(record: PeopleRecord) -> Write {
    Write::Record(Record::People(record))
}

async fn people(log: &dyn RoomLog) -> People {
    log.subscribe().await.expect("the log can be read").0.people
}

/// A record that fits now and then.
fn any(dice: &mut fastrand::Rng, now: &People, at: u64) -> PeopleRecord {
    let name = person(["ana", "bob", "cleo", "dan"][dice.usize(..4)]);
    let (key, other) = (key(dice.usize(1..6)), key(dice.usize(1..6)));
    match dice.u8(..8) {
        0..3 => PeopleRecord::NameClaimed { name, key, at },
        3 => PeopleRecord::NameSeen { name, key, at },
        4 => {
            let seen = now.owner(&name).map_or(0, |(_, owned)| owned.seen);
            PeopleRecord::NameReleased { name, seen: seen.saturating_sub(dice.u64(..2)) }
        }
        5 | 6 => PeopleRecord::KeyLinked { key, with: other, at },
        _ => PeopleRecord::KeyRevoked { key, stays: other },
    }
}

/// protocol 21.2, 21.6, 21.7
pub async fn people_are_as_the_records_say_in_every_run(medium: &dyn Medium) {
    let mut dice = fastrand::Rng::with_seed(20);
    let (mut model, mut applied) = (People::default(), 0);
    for run in 0..3_u64 {
        let log = &*medium.open(None);
        if !medium.is_durable() {
            model = People::default();
        }
        assert_eq!(people(log).await, model, "run {run}");
        let (snapshot, mut tail) = log.subscribe().await.expect("the log can be read");
        let mut follower = Registry::new(log.epoch(), snapshot);
        for step in 0..150 {
            let at = NOW + run * 1000 + step;
            let mut batch = vec![Write::Entry(say(u128::from(run), step, "a", "x"))];
            let mut wanted = Vec::new();
            for _ in 0..dice.usize(1..4) {
                let next = any(&mut dice, &model, at);
                let fits = model.apply(&next).is_some();
                applied += usize::from(fits);
                wanted.push(if fits { Outcome::Applied } else { Outcome::Refused });
                batch.push(record(next));
            }
            let appended = write(log, batch).await;
            assert_eq!(appended.outcomes[1..], wanted, "run {run}, step {step}");
            for commit in commits_up_to(&mut tail, appended.position.expect("an entry is stored")).await {
                follower.apply(&commit).expect("the commit follows the one before");
            }
            assert_eq!((follower.people(), &people(log).await), (&model, &model), "run {run}, step {step}");
        }
    }
    assert!(applied > 100, "{applied}");
}

/// protocol 21.2: two servers let two people in under one name at the same moment, and one of them owns it.
pub async fn a_name_that_two_servers_claim_has_one_owner(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let claim = |server: usize| {
        let mut won = 0;
        for n in 0..8 {
            let claim =
                PeopleRecord::NameClaimed { name: person(&format!("p{n}")), key: key(server), at: NOW };
            let appended = block_on(write(log, vec![record(claim)]));
            won += usize::from(appended.outcomes[0] == Outcome::Applied);
        }
        won
    };
    let claim = &claim;
    let won: Vec<usize> = thread::scope(|scope| {
        let servers = [1, 2].map(|server| scope.spawn(move || claim(server)));
        servers.map(|thread| thread.join().expect("it passes")).into()
    });
    assert_eq!(won.iter().sum::<usize>(), 8, "{won:?}");
    assert_eq!(people(log).await.names(), 8);
}

/// protocol 21.2
pub async fn a_record_that_does_not_fit_the_people_changes_nothing(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let claim =
        |name, number| record(PeopleRecord::NameClaimed { name: person(name), key: key(number), at: NOW });
    let appended = write(log, vec![claim("ana", 1), claim("ANA", 2)]).await;
    assert_eq!(appended.outcomes, [Outcome::Applied, Outcome::Refused]);
    let (snapshot, mut tail) = log.subscribe().await.expect("the log can be read");
    let nothing = write(log, vec![claim("ana", 2), claim("ana", 1)]).await;
    assert_eq!((nothing.outcomes, nothing.position), (vec![Outcome::Refused; 2], None));
    assert!(tail.next().now_or_never().is_none(), "the tail says nothing");
    assert_eq!(people(log).await, snapshot.people);
}
