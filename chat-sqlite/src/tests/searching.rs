//! The index: it follows without holding anybody up, it is mended, and what it says is looked at.

use std::{
    fs,
    time::{Duration, Instant},
};

use chat_core::{
    log::{Found, Search},
    words::Query,
};

use super::*;
use crate::{Keep, index};

/// The answer once everything is indexed.
fn search(log: &SqliteLog, words: &str, change: impl FnOnce(&mut Search)) -> Found {
    let query = Query::parse(words).unwrap();
    let mut search = Search { query, room: None, from: None, since: None, before: None, limit: 100 };
    change(&mut search);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = block_on(log.search(search.clone())).unwrap();
        if found.pending == 0 {
            return found;
        }
        assert!(Instant::now() < deadline, "{} entries are not indexed", found.pending);
    }
}

/// The first answer.
fn once(log: &SqliteLog, words: &str) -> Found {
    let query = Query::parse(words).unwrap();
    let search = Search { query, room: None, from: None, since: None, before: None, limit: 100 };
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

/// The file of the index, whatever became of it, costs nothing but its being made again.
#[test]
fn a_broken_or_missing_index_is_made_again_and_the_log_goes_on() {
    type Break = fn(&Path);
    fn sql(index: &Path, sql: &str) {
        rusqlite::Connection::open(index).unwrap().execute_batch(sql).unwrap();
    }
    let breaks: [Break; 10] = [
        |index| sql(index, "UPDATE indexed SET upto = 1"),
        |index| sql(index, "DELETE FROM indexed"),
        |index| sql(index, "DROP TABLE words"),
        |index| sql(index, "UPDATE words_data SET block = x'00112233445566778899aabbccddeeff'"),
        |index| sql(index, "PRAGMA user_version = 999"),
        |index| fs::remove_file(index).unwrap(),
        |index| fs::write(index, "").unwrap(),
        |index| fs::write(index, "no index at all".repeat(1000)).unwrap(),
        |index| {
            let bytes = fs::read(index).unwrap();
            fs::write(index, &bytes[..bytes.len() / 2]).unwrap();
        },
        |index| {
            let mut bytes = fs::read(index).unwrap();
            bytes[4096..].fill(0x55);
            fs::write(index, bytes).unwrap();
        },
    ];
    for (number, break_it) in breaks.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        append(&log, vec![say("a", 1, "tea at four"), say("a", 2, "coffee")]).unwrap();
        assert_eq!(found(&log, "tea"), ["tea at four"], "{number}");
        drop(log);
        break_it(&directory.path().join("chat-index.db"));
        let log = open(directory.path());
        append(&log, vec![say("a", 3, "one more")]).unwrap();
        assert_eq!(found(&log, "tea"), ["tea at four"], "{number}");
        assert_eq!(found(&log, "more"), ["one more"], "{number}");
    }
}

/// A database that was put back gives ids again, to other entries: the index of the lost ones is not used.
#[test]
fn the_index_of_another_past_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, vec![say("a", 1, "tea")]).unwrap();
    // The copy is made while a run goes on, so that it knows the run.
    drop(log);
    let log = open(directory.path());
    append(&log, vec![say("a", 2, "coffee")]).unwrap();
    let source = rusqlite::Connection::open(directory.path().join("chat.db")).unwrap();
    source.execute("VACUUM INTO ?1", [directory.path().join("copy").to_str().unwrap()]).unwrap();
    drop(source);
    append(&log, vec![say("a", 3, "lost"), say("a", 4, "lost as well"), say("a", 5, "lost, too")]).unwrap();
    assert_eq!(found(&log, "lost").len(), 3);
    drop(log);
    fs::rename(directory.path().join("copy"), directory.path().join("chat.db")).unwrap();
    let log = open(directory.path());
    append(
        &log,
        vec![say("a", 13, "milk"), say("a", 14, "juice"), say("a", 15, "water"), say("a", 16, "tea")],
    )
    .unwrap();
    assert_eq!(found(&log, "lost"), [""; 0]);
    for word in ["milk", "juice", "water", "coffee"] {
        assert_eq!(found(&log, word), [word]);
    }
    assert_eq!(found(&log, "tea").len(), 2);
}

/// A database of the time when the index was a part of it.
#[test]
fn an_index_within_the_database_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, vec![say("a", 1, "tea")]).unwrap();
    log.execute(
        "CREATE VIRTUAL TABLE words USING fts5(text, content = '', contentless_delete = 1);
         CREATE TABLE indexed (id INTEGER PRIMARY KEY, upto INTEGER NOT NULL, hash INTEGER NOT NULL) STRICT;
         INSERT INTO words (rowid, text) VALUES (1, 'coffee');",
    );
    drop(log);
    fs::remove_file(directory.path().join("chat-index.db")).unwrap();
    let log = open(directory.path());
    assert_eq!((found(&log, "tea"), found(&log, "coffee").len()), (vec!["tea".to_owned()], 0));
    drop(log);
    let db = rusqlite::Connection::open(directory.path().join("chat.db")).unwrap();
    let left = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'words%' OR name = 'indexed'";
    assert_eq!(db.query_one(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// Texts of 8 KiB that are dear to index: every two neighbours are a token.
fn dear(count: u64) -> Vec<Append> {
    let text = |n: u64| {
        let c = |k: u64| {
            char::from_u32(0x4E00 + u32::try_from((n * 7919 + k * 104_729) % 20_000).unwrap()).unwrap()
        };
        (0..2700).map(c).collect::<String>()
    };
    (1..=count).map(|n| say("long", 100_000 + n, &text(n))).collect()
}

/// protocol 8.10.4
#[test]
fn a_search_answers_in_time_from_what_is_indexed_and_says_how_much_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, vec![say("a", 1, "tea")]).unwrap();
    assert_eq!(found(&log, "tea"), ["tea"]);
    dear(1500).chunks(100).for_each(|some| drop(append(&log, some.to_vec()).unwrap()));
    append(&log, vec![say("a", 2, "tea again")]).unwrap();
    let began = Instant::now();
    let answer = once(&log, "tea");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!((1..=1502).contains(&answer.pending), "{}", answer.pending);
    assert_eq!(answer.hits.len(), 1, "what was indexed before");
}

/// What is stored does not wait for the index, whatever the index has to do and whoever waits for it.
#[test]
fn nothing_that_is_stored_waits_for_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    dear(400).chunks(100).for_each(|some| drop(append(&log, some.to_vec()).unwrap()));
    let slowest = std::thread::scope(|scope| {
        let searching = scope.spawn(|| once(&log, "tea"));
        let mut times: Vec<Duration> = (1..=200)
            .map(|n| {
                let began = Instant::now();
                append(&log, vec![say("b", n, "short")]).unwrap();
                began.elapsed()
            })
            .collect();
        searching.join().unwrap();
        times.sort();
        times[197]
    });
    assert!(slowest < Duration::from_millis(250), "{slowest:?}");
}

/// A step of the index ends after some milliseconds, however much there is to index.
#[test]
fn a_step_of_the_index_is_short_and_the_next_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, dear(60)).unwrap();
    drop(log);
    let path = directory.path().join("chat.db");
    let db = crate::connection::reading(&path).unwrap();
    let rooms = crate::rooms::Shared::new(crate::load::load(&db, Err(7)).unwrap().rooms);
    let mut index = index::Index::open(&directory.path().join("other-index.db"), &rooms, 61, 61).unwrap();
    let (mut before, mut steps) = (index.upto(), 0);
    while before < 61 {
        index.step(&db, &rooms, 61).unwrap();
        assert!(index.upto() > before, "it goes on from there");
        (before, steps) = (index.upto(), steps + 1);
    }
    assert!(steps > 5, "{steps}");
}

/// A search for words that are frequent and never together is cut off, and goes on from where it was.
#[test]
fn a_search_goes_through_everything_part_by_part() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let mut said = Vec::new();
    for n in 1..=20_000_u64 {
        said.push(say(
            "a",
            n,
            match n {
                7 | 3001 | 19_999 => "odd even",
                _ if n % 2 == 0 => "even",
                _ => "odd",
            },
        ));
    }
    said.chunks(2000).for_each(|some| drop(append(&log, some.to_vec()).unwrap()));
    let mut before = None;
    let mut places = Vec::new();
    loop {
        let page = search(&log, "odd even", |search| search.before = before);
        places.extend(page.hits.iter().map(|hit| hit.entry.seq));
        assert!(
            page.more.is_none_or(|more| before.is_none_or(|before| more < before)),
            "it comes nearer to the end"
        );
        before = page.more;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(places, [19_999, 3001, 7]);
}

/// What was deleted leaves the index in the course of time.
#[test]
fn the_index_forgets_what_is_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    append(&log, (1..=3000).map(|n| say("a", n, "tea")).collect()).unwrap();
    log.execute("DELETE FROM entries WHERE seq < 2990");
    drop(log);
    let db = crate::connection::reading(&directory.path().join("chat.db")).unwrap();
    let rooms = crate::rooms::Shared::new(crate::load::load(&db, Err(7)).unwrap().rooms);
    let mut index = index::Index::open(&directory.path().join("other-index.db"), &rooms, 3001, 3001).unwrap();
    for id in 2..=3001 {
        index.db.execute("INSERT INTO words (rowid, text) VALUES (?1, 'tea')", [id]).unwrap();
    }
    let (mut from, mut sweeps) = (Some(0), 0);
    while let Some(after) = from {
        (from, sweeps) = (index.sweep(&db, after).unwrap(), sweeps + 1);
    }
    let left = index
        .db
        .query_one("SELECT count(*) FROM words WHERE words MATCH 'tea'", [], |row| row.get::<_, i64>(0));
    assert_eq!((left.unwrap(), sweeps), (11, 3));
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
