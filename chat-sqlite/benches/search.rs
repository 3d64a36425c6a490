//! How fast a million messages are searched: `cargo bench -p chat-sqlite --bench search`, on the disk that `TMPDIR` is on.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that says what it measured")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_core::{
    ClientId, PersonName, RoomName,
    log::{Append, RoomLog, Search, Write},
    wire::{Author, Body},
    words::Query,
};
use chat_sqlite::{Options, SqliteLog};
use futures::executor::block_on;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(directory.path(), Options::default()).unwrap();
    let mut dice = fastrand::Rng::with_seed(7);
    let start = Instant::now();
    for batch in 0..MESSAGES / 500 {
        let batch = (0..500).map(|it| Write::Entry(message(batch * 500 + it, &mut dice))).collect();
        block_on(log.append(batch)).unwrap();
    }
    println!("{MESSAGES} messages stored in {:.1?}", start.elapsed());
    let start = Instant::now();
    find(&log, "nothing", |_| ());
    println!("the first search, which has to wait for what is not indexed yet: {:.1?}", start.elapsed());
    let size: u64 =
        directory.path().read_dir().unwrap().map(|it| it.unwrap().metadata().unwrap().len()).sum();
    println!("{} MiB on the disk", size >> 20);
    println!("{:>34}{:>10}{:>10}{:>10}{:>10}", "", "found", "p50 ms", "p99 ms", "max ms");
    measure(&log, "a word, rare or common", |dice| (word(dice), none()));
    measure(&log, "the most common words", |dice| (spell(dice.u32(0..20)), none()));
    measure(&log, "the beginning of a word: 1 letter", |dice| (cut(&word(dice), 1), none()));
    measure(&log, "the beginning of a word: 3 letters", |dice| (cut(&word(dice), 3), none()));
    measure(&log, "the beginning of a word: 5 letters", |dice| (cut(&word(dice), 5), none()));
    measure(&log, "two words", |dice| (format!("{} {}", word(dice), word(dice)), none()));
    measure(&log, "two neighbours in Chinese", |dice| ((0..2).map(|_| han(dice)).collect(), none()));
    measure(&log, "one Chinese character", |dice| (han(dice).to_string(), none()));
    measure(&log, "a word in one room", |dice| {
        let room = RoomName::parse(&format!("room{}", dice.u32(0..100))).unwrap();
        (word(dice), Box::new(move |it| it.room = Some(room)))
    });
    measure(&log, "a word of one person", |dice| {
        let from = PersonName::parse(&format!("person{}", dice.u32(0..200))).unwrap();
        (word(dice), Box::new(move |it| it.from = Some(from)))
    });
}

type Change = Box<dyn FnOnce(&mut Search)>;

fn none() -> Change {
    Box::new(|_| ())
}

fn measure(log: &SqliteLog, what: &str, mut ask: impl FnMut(&mut fastrand::Rng) -> (String, Change)) {
    let mut dice = fastrand::Rng::with_seed(11);
    let (mut taken, mut found) = (Vec::new(), 0);
    for _ in 0..SEARCHES {
        let (words, change) = ask(&mut dice);
        let start = Instant::now();
        found += find(log, &words, change);
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("{what:>34}{:>10}{:>10.2}{:>10.2}{:>10.2}", found / SEARCHES, at(0.5), at(0.99), at(1.0));
}

/// Fifty of them, as one page of a person who searches.
fn find(log: &SqliteLog, words: &str, change: impl FnOnce(&mut Search)) -> usize {
    let query = Query::parse(words).unwrap();
    let mut search = Search { query, room: None, from: None, since: None, before: None, limit: 50 };
    change(&mut search);
    block_on(log.search(search)).unwrap().hits.len()
}

fn message(n: u64, dice: &mut fastrand::Rng) -> Append {
    let text: Vec<String> = match dice.u8(..10) {
        0 => vec![(0..dice.usize(4..30)).map(|_| han(dice)).collect()],
        _ => (0..dice.usize(3..20)).map(|_| word(dice)).collect(),
    };
    Append {
        client: ClientId(u128::from(n % 200) << 100 | 77),
        request: n,
        room: RoomName::parse(&format!("room{}", dice.u32(0..100))).unwrap(),
        author: Arc::new(Author::person(format!("person{}", dice.u32(0..200)))),
        at: 1_790_000_000_000 + n * Duration::from_secs(5).as_millis() as u64,
        body: Arc::new(Body::message(text.join(" "))),
    }
}

/// Of some 30,000 words, the first ones far more often, as in any language.
fn word(dice: &mut fastrand::Rng) -> String {
    spell((30_000_f64.powf(dice.f64()) - 1.0) as u32)
}

/// The word with this rank: no two are the same, and their beginnings are shared.
fn spell(rank: u32) -> String {
    let syllables =
        ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "shi"];
    let mut rest = rank + 1;
    let mut word = String::new();
    while rest > 0 {
        word += syllables[(rest % 16) as usize];
        rest /= 16;
    }
    word
}

fn han(dice: &mut fastrand::Rng) -> char {
    let rank = (3_000_f64.powf(dice.f64()) - 1.0) as u32;
    char::from_u32(0x4e00 + rank).unwrap()
}

fn cut(word: &str, letters: usize) -> String {
    word.chars().take(letters).collect()
}

const MESSAGES: u64 = 1_000_000;
const SEARCHES: usize = 300;
