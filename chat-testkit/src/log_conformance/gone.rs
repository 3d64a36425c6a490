//! Checks of what a log lets go of when it holds more than it was told to keep.

use std::collections::HashMap;

use chat_core::{
    RoomName,
    log::{Change, Outcome, PageLimit, Record},
};

use super::{Medium, fixture::*};

/// protocol 6.1, 6.3
pub async fn the_oldest_go_first_and_the_head_stays(medium: &dyn Medium) {
    let log = &*medium.open(Some(KEPT));
    let (_, mut tail) = log.subscribe().await.expect("the log can be read");
    let mut told: HashMap<RoomName, u64> = HashMap::new();
    for n in 1..=MANY {
        let position = append(log, vec![say(1, n, "a", &"x".repeat(100))]).await.position;
        for commit in commits_up_to(&mut tail, position.expect("it is stored")).await {
            for change in commit.changes {
                if let Change::Record(Record::RoomTrimmed { room, oldest }) = change {
                    told.insert(room, oldest);
                }
            }
        }
    }
    let state = state(log, "a").await;
    assert_eq!(state.head, MANY);
    assert!(state.oldest > 1, "more than {KEPT} bytes were stored");
    assert_eq!(told.get(&name("a")), Some(&state.oldest), "the tail says so");
    let held = entries(log, "a", 0).await;
    let numbers: Vec<u64> = held.iter().map(|it| it.seq).collect();
    assert_eq!(numbers, (state.oldest..=MANY).collect::<Vec<_>>());
    assert!(held.len() * 100 <= KEPT as usize && held.len() > 10, "{} entries are held", held.len());
}

/// protocol 6.5
pub async fn what_is_gone_is_told(medium: &dyn Medium) {
    let log = &*medium.open(Some(KEPT));
    append(log, (1..=MANY).map(|n| say(1, n, "a", &"x".repeat(100))).collect()).await;
    append(log, vec![say(1, MANY + 1, "a", "x")]).await;
    let state = state(log, "a").await;
    let two = page(log, "a", 1, PageLimit { entries: 2, bytes: 1000 }).await;
    assert_eq!(two.entries.iter().map(|it| it.seq).collect::<Vec<_>>(), [state.oldest, state.oldest + 1]);
    assert_eq!(two.through, state.oldest + 1);
    assert!(log.holds(&name("a"), &state.epoch, 1), "its reader has missed nothing that was given again");
}

/// protocol 5.4
pub async fn a_request_is_forgotten_with_its_entry(medium: &dyn Medium) {
    let log = &*medium.open(Some(KEPT));
    for n in 1..=MANY {
        append(log, vec![say(1, n, "a", &"x".repeat(100))]).await;
    }
    let oldest = state(log, "a").await.oldest;
    let again = |n| say(1, n, "a", &"x".repeat(100));
    let looked_up = log.lookup(vec![again(oldest - 1), again(oldest)]).await.expect("the log can be read");
    assert_eq!(looked_up[0], None);
    assert!(matches!(looked_up[1], Some(Outcome::Known(it)) if it.seq == oldest), "{looked_up:?}");
    let outcome = append_one(log, say(1, 1, "a", "something else")).await;
    assert!(matches!(outcome, Outcome::Stored(it) if it.seq == MANY + 1), "{outcome:?}");
}

/// Bytes a log is told to keep.
const KEPT: u64 = 20_000;
/// Messages of a hundred bytes that are far more.
const MANY: u64 = 400;
