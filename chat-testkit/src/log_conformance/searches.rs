//! Checks of searching. A log that cannot search says so, and nothing else.

use chat_core::{
    PersonName,
    log::{Append, Found, LogError, RoomLog, Search},
    wire::Author,
    words::Query,
};

use super::{Medium, fixture::*};

/// Everything that is found page by page, newest first, or nothing if the log does not search.
async fn all(log: &dyn RoomLog, words: &str, change: impl Fn(&mut Search)) -> Option<Vec<(String, String)>> {
    let query = Query::parse(words).expect("the suite looks for words");
    let mut search = Search { query, room: None, from: None, since: None, before: None, limit: PAGE };
    change(&mut search);
    let mut found = Vec::new();
    loop {
        let Found { hits, more, .. } = match log.search(search.clone()).await {
            Err(LogError::Unsearchable) => return None,
            result => result.expect("the log can be searched"),
        };
        assert!(hits.len() <= PAGE, "a page keeps to its limit");
        let places = hits.iter().map(|it| it.place).chain(more);
        assert!(places.clone().zip(places.skip(1)).all(|(newer, older)| newer >= older), "newest first");
        found.extend(hits.into_iter().map(|it| (it.room.to_string(), it.entry.body.text.clone())));
        match more {
            Some(_) => search.before = more,
            None => return Some(found),
        }
    }
}

async fn texts_of(log: &dyn RoomLog, words: &str, change: impl Fn(&mut Search)) -> Option<Vec<String>> {
    Some(all(log, words, change).await?.into_iter().map(|(_, text)| text).collect())
}

/// protocol 8.7, protocol 8.8
pub async fn words_are_found_newest_first_over_all_rooms(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let topic = topic(1, 3, "b", "Tea!");
    append(log, vec![say(1, 1, "a", "tea at four"), say(1, 2, "b", "中文搜索"), topic]).await;
    append(log, vec![say(1, 4, "a", "teapots, two; no coffee")]).await;
    let Some(found) = texts_of(log, "tea", |_| ()).await else { return };
    assert_eq!(found, ["teapots, two; no coffee", "Tea!", "tea at four"]);
    for (words, count) in [
        ("TEA four", 1),
        ("four tea", 1),
        ("ea", 0),
        ("中文", 1),
        ("文搜", 1),
        ("中搜", 0),
        ("索", 1),
        ("milk", 0),
    ] {
        assert_eq!(all(log, words, |_| ()).await.map(|it| it.len()), Some(count), "{words}");
    }
}

/// protocol 8.7
pub async fn a_search_is_narrowed_by_room_person_and_time(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let from = |from: &str, item: Append| by(Author::person(from), item);
    append(
        log,
        vec![say(1, 1, "a", "tea 1"), from("Bob-2", say(1, 2, "b", "tea 2")), say(1, 3, "b", "tea 3")],
    )
    .await;
    let bob = PersonName::parse("bOB-2").expect("a name");
    if let Some(found) = texts_of(log, "tea", |it| it.room = Some(name("B"))).await {
        assert_eq!(found, ["tea 3", "tea 2"]);
        assert_eq!(texts_of(log, "tea", |it| it.room = Some(name("c"))).await, Some(vec![]));
        let by_bob = texts_of(log, "tea", |it| it.from = Some(bob.clone())).await;
        assert_eq!(by_bob, Some(vec!["tea 2".to_owned()]));
        let late = texts_of(log, "tea", |it| it.since = Some(NOW + 2)).await;
        assert_eq!(late, Some(vec!["tea 3".to_owned(), "tea 2".to_owned()]));
        let both = texts_of(log, "tea", |it| (it.since, it.from) = (Some(NOW + 3), Some(bob.clone()))).await;
        assert_eq!(both, Some(vec![]));
    }
}

/// protocol 8.8, protocol 8.10: what is found is what [`Query::matches`] says, whatever the texts are.
pub async fn nothing_is_missed_and_nothing_else_is_found(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let mut dice = fastrand::Rng::with_seed(23);
    let mut said = Vec::new();
    for n in 1..=400 {
        let text = line(&mut dice);
        let room = ["a", "b", "c"][dice.usize(..3)];
        append(log, vec![say(1, n, room, &text)]).await;
        said.push((room.to_owned(), text));
    }
    for _ in 0..150 {
        let words = line(&mut dice);
        let Ok(query) = Query::parse(&words) else { continue };
        let Some(found) = all(log, &words, |_| ()).await else { return };
        let wanted: Vec<_> = said.iter().rev().filter(|(_, text)| query.matches(text)).cloned().collect();
        assert_eq!(found, wanted, "{words:?}");
    }
}

/// What is gone is not found, and what outlives the process is found again.
pub async fn what_is_held_is_found_also_in_another_run(medium: &dyn Medium) {
    {
        let log = &*medium.open(Some(8_000));
        for n in 1..=100 {
            append(log, vec![say(1, n, "a", &format!("tea {n}"))]).await;
        }
        let held: Vec<String> = texts(log, "a").await.into_iter().rev().collect();
        assert!((1..100).contains(&held.len()), "some are gone");
        if let Some(found) = texts_of(log, "tea", |_| ()).await {
            assert_eq!(found, held);
        }
    }
    let log = &*medium.open(None);
    append(log, vec![say(2, 1, "a", "tea again")]).await;
    let held: Vec<String> = texts(log, "a").await.into_iter().rev().collect();
    assert_eq!(held.len() > 1, medium.is_durable());
    if let Some(found) = texts_of(log, "tea", |_| ()).await {
        assert_eq!(found, held);
    }
}

/// Some words of few letters, so that they often meet.
fn line(dice: &mut fastrand::Rng) -> String {
    let words = [
        "tea",
        "Té",
        "teapot",
        "te",
        "four",
        "4",
        "中文",
        "文",
        "中文字",
        "かな",
        "ไทย",
        "x",
        "ﬁn",
        "fin",
        "Ä-b",
        "…",
    ];
    let count = dice.usize(1..5);
    let some: Vec<&str> = (0..count).map(|_| words[dice.usize(..words.len())]).collect();
    some.join([" ", ", ", ""][dice.usize(..3)])
}

const PAGE: usize = 7;
