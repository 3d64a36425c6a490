//! Checks of the names of requests: what is asked again is not stored again.

use chat_core::{
    log::{Append, Outcome, Position},
    wire::Author,
};
use futures::future::join_all;

use super::{Medium, fixture::*};

/// protocol 5.4
pub async fn a_request_is_stored_once(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let first = Position { seq: 1, at: NOW + 1 };
    let batch = vec![say(1, 1, "a", "x"), say(1, 1, "a", "x"), say(1, 2, "a", "x")];
    assert_eq!(
        append(log, batch).await.outcomes,
        [Outcome::Stored(first), Outcome::Known(first), Outcome::Stored(Position { seq: 2, at: NOW + 2 })]
    );
    talk(log, 2, "a", 1..=50).await;
    assert_eq!(append_one(log, say(1, 1, "a", "x")).await, Outcome::Known(first));
    assert_eq!(entries(log, "a", 0).await.len(), 52);
}

/// protocol 5.5
pub async fn other_content_is_a_conflict(medium: &dyn Medium) {
    let log = &*medium.open(None);
    talk(log, 1, "b", 7..=7).await;
    let topic = topic(1, 1, "a", "x");
    let others = [say(1, 1, "a", "y"), say(1, 1, "b", "x"), say(1, 1, "c", "x"), topic, say(1, 1, "a", "X")];
    let mut batch = vec![say(1, 1, "a", "x")];
    batch.extend(others.clone());
    assert_eq!(append(log, batch).await.outcomes[1..], [Outcome::Conflict; 5], "in the same batch");
    assert_eq!(append(log, others.to_vec()).await.outcomes, [Outcome::Conflict; 5], "and later");
    assert_eq!((texts(log, "a").await, texts(log, "b").await.len()), (vec!["x".to_owned()], 1));
    assert_eq!(rooms(log).await.len(), 2);
    assert_eq!(seq(append_one(log, say(1, 2, "a", "z")).await), 2, "a conflict takes no number");
}

/// protocol 5.3
pub async fn clients_do_not_mix(medium: &dyn Medium) {
    let log = &*medium.open(None);
    for (wanted, client) in (1..).zip([1, 2, 1 << 64, u128::MAX, 0]) {
        let outcome = append_one(log, say(client, 1, "a", "x")).await;
        assert!(matches!(outcome, Outcome::Stored(it) if it.seq == wanted), "{outcome:?}");
    }
}

/// protocol 5.4
pub async fn who_asks_again_keeps_what_stands(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let first = append_one(log, say(1, 1, "a", "x")).await;
    let again = by(Author::person("bob"), Append { at: NOW + 5_000, ..say(1, 1, "a", "x") });
    let outcome = append_one(log, again).await;
    assert!(matches!((first, outcome), (Outcome::Stored(a), Outcome::Known(b)) if a == b), "{outcome:?}");
    assert_eq!(entries(log, "a", 0).await[0].author.name, "ana");
    assert!(matches!(append_one(log, say(2, 1, "a", "y")).await, Outcome::Stored(it) if it.at == NOW + 1));
}

/// protocol 5.4, 5.5
pub async fn looking_up_says_what_is_known_and_stores_nothing(medium: &dyn Medium) {
    let log = &*medium.open(None);
    talk(log, 1, "a", 1..=2).await;
    let batch = vec![
        say(1, 2, "a", "2"),
        say(1, 3, "a", "3"),
        say(1, 1, "a", "other"),
        say(1, 1, "b", "1"),
        say(2, 1, "a", "1"),
    ];
    let known = Outcome::Known(Position { seq: 2, at: NOW + 2 });
    for _ in 0..2 {
        let looked_up = log.lookup(batch.clone()).await.expect("the log can be read");
        assert_eq!(looked_up, [Some(known), None, Some(Outcome::Conflict), Some(Outcome::Conflict), None]);
    }
    assert_eq!(log.lookup(vec![]).await.expect("the log can be read"), []);
    assert_eq!((entries(log, "a", 0).await.len(), rooms(log).await.len()), (2, 1));
}

/// protocol 5.4
pub async fn the_same_request_at_once_is_stored_once(medium: &dyn Medium) {
    let log = &*medium.open(None);
    for request in 1..=20 {
        let all = (0..8).map(|_| append_one(log, say(1, request, "a", "x")));
        let outcomes = join_all(all).await;
        assert!(outcomes.iter().all(|it| seq(*it) == request), "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|it| matches!(it, Outcome::Stored(_))).count(), 1);
    }
}
