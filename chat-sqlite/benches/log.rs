//! How fast the log is: what an append costs, how long it takes at a given rate, and how long opening takes.
//!
//! `cargo bench -p chat-sqlite`, on the disk that `TMPDIR` is on; `-- cost` for one part of it.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that says what it measured")]

use std::{
    env, fs,
    os::unix::fs::FileExt,
    path::Path,
    process::{self, Command},
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use chat_core::{
    ClientId, RoomName,
    log::{Append, PageLimit, RoomLog, Write},
    wire::{Author, Body},
};
use chat_sqlite::{Durability, Options, SqliteLog};
use futures::executor::block_on;

fn main() {
    if let Ok(directory) = env::var("FILL") {
        fill(Path::new(&directory));
    }
    let wanted: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    for (name, part) in [("latency", latencies as fn()), ("cost", costs), ("opening", opening)] {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            part();
        }
    }
}

fn latencies() {
    println!("how long an append takes, with Durability::Power, 100 bytes each; what has come is a batch");
    let heads = ["msg/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "largest wal"];
    println!("{}", heads.map(|it| format!("{it:>12}")).concat());
    for rate in [1_000, 10_000, 20_000] {
        bare_disk();
        latency(rate, Duration::from_secs(20));
    }
}

/// What a commit is made of, as the disk does it at this moment without us: one write, and waiting for it.
fn bare_disk() {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&vec![1; 4 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let one = |n: u64| {
        let start = Instant::now();
        file.write_all_at(&[2; 32 << 10], (n % 128) << 15).unwrap();
        file.sync_data().unwrap();
        let taken = start.elapsed();
        thread::sleep(Duration::from_millis(1));
        taken
    };
    let mut taken: Vec<Duration> = (0..2_000).map(one).collect();
    let [half, p99, p999, max] = quantiles(&mut taken);
    println!("{:>12}{half:>12.2}{p99:>12.2}{p999:>12.2}{max:>12.2}", "(disk)");
}

fn costs() {
    println!("what an append costs: CPU of all threads, and time");
    println!("{}", ["batch", "us/message", "us/batch", "msg/s"].map(|it| format!("{it:>12}")).concat());
    for size in [1, 50, 500] {
        cost(size);
    }
}

fn latency(rate: u32, span: Duration) {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let wal = directory.path().join("chat.db-wal");
    let (gap, all) = (Duration::from_secs(1) / rate, (span.as_secs() as u32) * rate);
    let mut taken: Vec<Duration> = Vec::with_capacity(all as usize);
    let (mut largest, start) = (0, Instant::now());
    while (taken.len() as u32) < all {
        let first = taken.len() as u32;
        let due = (start.elapsed().as_nanos() / gap.as_nanos()) as u32;
        if due <= first {
            thread::sleep((gap * (first + 1)).saturating_sub(start.elapsed()));
            continue;
        }
        let batch = (first..due.min(all)).map(|n| Write::Entry(say(n.into(), "lobby"))).collect();
        block_on(log.append(batch)).unwrap();
        taken.extend((first..due.min(all)).map(|n| start.elapsed().saturating_sub(gap * (n + 1))));
        largest = largest.max(fs::metadata(&wal).map_or(0, |it| it.len()));
    }
    let [half, p99, p999, max] = quantiles(&mut taken);
    println!("{rate:>12}{half:>12.2}{p99:>12.2}{p999:>12.2}{max:>12.2}{:>8} MiB", largest >> 20);
}

/// In milliseconds: the middle, 99 %, 99.9 %, and the longest.
fn quantiles(taken: &mut [Duration]) -> [f64; 4] {
    taken.sort_unstable();
    [0.5, 0.99, 0.999, 1.0].map(|part| taken[((taken.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3)
}

fn cost(size: u64) {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let batches = (60_000 / size).clamp(200, 4_000);
    let messages: Vec<Vec<Write>> = (0..batches)
        .map(|n| (0..size).map(|it| Write::Entry(say(n * size + it, "lobby"))).collect())
        .collect();
    let (start, cpu) = (Instant::now(), cpu_time());
    for batch in messages {
        block_on(log.append(batch)).unwrap();
    }
    let (elapsed, cpu) = (start.elapsed(), cpu_time() - cpu);
    let count = (batches * size) as f64;
    println!(
        "{size:>12}{:>12.2}{:>12.0}{:>12.0}",
        cpu.as_secs_f64() * 1e6 / count,
        elapsed.as_secs_f64() * 1e6 / batches as f64,
        count / elapsed.as_secs_f64()
    );
}

fn opening() {
    let directory = tempfile::tempdir().unwrap();
    let program = env::current_exe().unwrap();
    // The child ends as if it were killed, in the middle of appending.
    let _ = Command::new(program).env("FILL", directory.path()).status().unwrap();
    let size: u64 =
        fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().metadata().unwrap().len()).sum();
    let start = Instant::now();
    let log = open(directory.path());
    let opened = start.elapsed();
    let entries: u64 = block_on(log.rooms()).unwrap().iter().map(|it| it.head).sum();
    println!("opening {entries} entries ({} MiB) after the process was killed: {opened:?}", size >> 20);
    let room = RoomName::parse("room7").unwrap();
    let (start, limit) = (Instant::now(), PageLimit { entries: 256, bytes: 32 * 1024 });
    let mut after = 0;
    let mut pages = 0;
    while let page = block_on(log.read(&room, after, limit)).unwrap()
        && !page.entries.is_empty()
    {
        (after, pages) = (page.through, pages + 1);
    }
    println!("reading a room of {after} in pages: {:?} for each of {pages}", start.elapsed() / pages.max(1));
    let start = Instant::now();
    drop(log);
    println!("closing: {:?}", start.elapsed());
}

fn fill(directory: &Path) -> ! {
    let log = open(directory);
    for n in 0..2_000 {
        let batch =
            (0..500).map(|it| Write::Entry(say(n * 500 + it, &format!("room{}", it % 100)))).collect();
        block_on(log.append(batch)).unwrap();
    }
    process::abort()
}

fn open(directory: &Path) -> SqliteLog {
    SqliteLog::open(directory, Options { durability: Durability::Power, ..Options::default() }).unwrap()
}

fn say(n: u64, room: &str) -> Append {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Append {
        client: ClientId(u128::from(n % 200) << 100 | 77),
        request: n,
        room: RoomName::parse(room).unwrap(),
        author: Arc::new(Author::person("somebody")),
        at: now.as_millis() as u64,
        body: Arc::new(Body::message(format!("{n:>100}"))),
    }
}

/// Of all threads of this process.
fn cpu_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let of = |it: fs::DirEntry| {
        let text = fs::read_to_string(it.path().join("schedstat")).unwrap();
        text.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    Duration::from_nanos(threads.map(|it| of(it.unwrap())).sum())
}
