//! The index: it follows, it is mended, and what it says is looked at.

use std::time::Instant;

use chat_core::{
    log::{Found, Search},
    words::Query,
};

use super::*;
use crate::{Keep, index};

fn search(log: &SqliteLog, words: &str, change: impl FnOnce(&mut Search)) -> Found {
    let query = Query::parse(words).unwrap();
    let mut search = Search { query, room: None, from: None, since: None, before: None, limit: 100 };
    change(&mut search);
    block_on(log.search(search)).unwrap()
}

fn found(log: &SqliteLog, words: &str) -> Vec<String> {
    search(log, words, |_| ()).hits.into_iter().map(|it| it.entry.body.text.clone()).collect()
}

#[test]
fn it_is_found_at_once_newest_first_and_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, vec![say("a", 1, "tea at four"), say("b", 2, "中文搜索"), say("a", 3, "no tea, coffee")])
        .unwrap();
    assert_eq!(found(&log, "TEA"), ["no tea, coffee", "tea at four"]);
    for pair in ["中文", "文搜", "搜索", "文", "索"] {
        assert_eq!(found(&log, pair), ["中文搜索"], "{pair}");
    }
    assert_eq!(found(&log, "中搜"), [""; 0]);
    drop(log);
    let log = open(directory.path());
    append(&log, vec![say("b", 4, "tea again")]).unwrap();
    assert_eq!(found(&log, "te"), ["tea again", "no tea, coffee", "tea at four"]);
}

#[test]
fn rooms_people_times_and_pages_narrow_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let from =
        |who: &str, room, n, text| Append { author: Arc::new(Author::person(who)), ..say(room, n, text) };
    append(&log, (1..=50).map(|n| say("a", n, "tea")).collect()).unwrap();
    append(&log, vec![from("O'Neill-x", "b", 51, "tea"), from("bob", "b", 52, "tea")]).unwrap();
    let count = |change: fn(&mut Search)| search(&log, "tea", change).hits.len();
    assert_eq!(count(|it| it.room = Some(name("B"))), 2, "without case");
    assert_eq!(count(|it| it.room = Some(name("elsewhere"))), 0);
    assert_eq!(count(|it| it.from = Some(chat_core::PersonName::parse("BOB").unwrap())), 1);
    assert_eq!(count(|it| it.since = Some(1000 + 41)), 12);
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let page = search(&log, "tea", |it| (it.before, it.limit) = (before, 20));
        pages.push(page.hits.len());
        before = page.more;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, [20, 20, 12]);
}

#[test]
fn what_is_let_go_of_is_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let keep = Keep { age: None, bytes: Some(1000) };
    let log = SqliteLog::open(directory.path(), Options { keep, ..Options::default() }).unwrap();
    for n in 1..=40 {
        append(&log, vec![say("a", n, &format!("tea number {n}"))]).unwrap();
        assert_eq!(found(&log, "tea")[0], format!("tea number {n}"));
    }
    let held = page(&log, "a", 0).entries.len();
    assert!(held < 10);
    assert_eq!(found(&log, "tea").len(), held);
}

#[test]
fn a_broken_index_begins_anew_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    for break_it in [
        "UPDATE indexed SET upto = 1",
        "DELETE FROM indexed",
        "DROP TABLE words",
        "UPDATE words_data SET block = x'00112233445566778899aabbccddeeff'",
    ] {
        let log = open(directory.path());
        append(&log, vec![say("a", 1, "tea at four"), say("a", 2, "coffee")]).unwrap();
        assert_eq!(found(&log, "tea"), ["tea at four"], "{break_it}");
        log.execute(break_it);
        drop(log);
        let log = open(directory.path());
        append(&log, vec![say("a", 3, "one more")]).unwrap();
        // The first one may find out what is wrong.
        let query = Query::parse("tea").unwrap();
        let first = Search { query, room: None, from: None, since: None, before: None, limit: 100 };
        let _ = block_on(log.search(first));
        assert_eq!(found(&log, "tea"), ["tea at four"], "{break_it}");
        assert_eq!(found(&log, "more"), ["one more"], "{break_it}");
    }
}

/// A log without an index is indexed when it is searched.
#[test]
fn a_log_without_an_index_gets_one() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    talk(&log, "a", 1..=600);
    log.execute("DROP TABLE words; DROP TABLE indexed");
    drop(log);
    let log = open(directory.path());
    assert_eq!(found(&log, "577"), ["577"]);
}

/// Not a test of time: it ends, with more entries than are indexed in one step, while others write.
#[test]
fn a_search_waits_for_the_index_and_batches_go_between() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, (1..=3000).map(|n| say("a", n, &format!("word{n}"))).collect()).unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| talk(&log, "b", 3001..=3050));
        assert_eq!(found(&log, "word3000"), ["word3000"]);
        writing.join().unwrap();
    });
    assert!(begun.elapsed().as_secs() < 60);
    assert_eq!(found(&log, "word1").len(), 100);
}

/// What was indexed and has gone leaves its ids to nobody.
#[test]
fn what_comes_after_everything_has_gone_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let keep = Keep { age: None, bytes: Some(1) };
    let log = SqliteLog::open(directory.path(), Options { keep, ..Options::default() }).unwrap();
    for n in 1..=20 {
        append(&log, vec![say("a", n, "tea")]).unwrap();
        found(&log, "tea");
    }
    drop(log);
    let log = open(directory.path());
    append(&log, vec![say("a", 21, "tea after all")]).unwrap();
    assert_eq!(found(&log, "tea"), ["tea after all"]);
}

/// Some errors take the transaction back by themselves. What follows then is no part of it, and must not be done.
#[test]
fn an_index_that_takes_the_transaction_back_leaves_no_hole() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    talk(&log, "a", 1..=30);
    found(&log, "30");
    drop(log);
    let keep = Keep { age: None, bytes: Some(1) };
    let log = SqliteLog::open(directory.path(), Options { keep, ..Options::default() }).unwrap();
    log.execute(
        "CREATE TRIGGER fault BEFORE DELETE ON words_docsize BEGIN SELECT RAISE(ROLLBACK, 'fault'); END",
    );
    let refused = append(&log, vec![say("a", 31, "31"), say("b", 32, "32")]);
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(state(&log, "a").unwrap().head, 30);
    drop(log);
    let log = open(directory.path());
    log.execute("DROP TRIGGER fault");
    let standing = state(&log, "a").unwrap();
    assert_eq!((standing.oldest, standing.head), (1, 30));
    assert_eq!((texts(&log, "a").len(), state(&log, "b")), (30, None));
    assert_eq!(append(&log, vec![say("a", 33, "33")]).unwrap(), [stored(31, 1033)]);
}

/// Building a large index anew takes long, so it is done for what a new one can mend, and for nothing else.
#[test]
fn a_search_that_fails_for_another_reason_leaves_the_index_alone() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, vec![say("a", 1, "tea")]).unwrap();
    assert_eq!(found(&log, "tea"), ["tea"]);
    // Says so if it is begun anew: the table is dropped and made again, without what is put in here.
    log.execute("INSERT INTO words (rowid, text) VALUES (1000, 'mark')");
    log.fail_searches(true);
    let query = Query::parse("tea").unwrap();
    let wanted = Search { query, room: None, from: None, since: None, before: None, limit: 100 };
    for _ in 0..5 {
        assert!(matches!(block_on(log.search(wanted.clone())), Err(LogError::Failed(_))));
    }
    log.fail_searches(false);
    assert_eq!(found(&log, "tea"), ["tea"]);
    drop(log);
    let db = rusqlite::Connection::open(directory.path().join("chat.db")).unwrap();
    let marks = "SELECT count(*) FROM words WHERE words MATCH 'mark'";
    assert_eq!(db.query_one(marks, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

/// A batch does not wait for a whole step of the index: the step ends as soon as a command waits.
#[test]
fn a_step_of_the_index_ends_when_a_batch_waits() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, (1..=500).map(|n| say("a", n, "some words")).collect()).unwrap();
    drop(log);
    let path = directory.path().join("chat.db");
    let db = crate::connection::writing(&path, crate::Durability::Process).unwrap();
    let rooms = crate::load::load(&db, Err(7)).unwrap().rooms;
    index::begin_anew(&db).unwrap();
    let step = |from, is_wanted: bool| index::step(&db, &rooms, from..500, 512, || is_wanted).unwrap();
    let stopped = step(0, true);
    assert!((1..=32).contains(&stopped), "{stopped}");
    assert_eq!(index::indexed_to(&db).unwrap(), Some(stopped), "and it goes on from there");
    assert_eq!(step(stopped, false), 501, "entries and the record that made the room");
}
