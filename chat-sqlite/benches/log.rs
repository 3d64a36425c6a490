//! How fast the log is: what an append costs, how long it takes at a given rate, and how long opening takes.
//!
//! `cargo bench -p chat-sqlite`, on the disk that `TMPDIR` is on.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{
    env, fs,
    path::Path,
    process::{self, Command},
    thread,
    time::{Duration, Instant, SystemTime},
};

use chat_core::{
    ClientId, RoomName,
    log::{Append, PageLimit, RoomLog},
    wire::EntryKind,
};
use chat_sqlite::{Durability, Options, SqliteLog};
use futures::executor::block_on;

fn main() {
    if let Ok(directory) = env::var("FILL") {
        fill(Path::new(&directory));
    }
    println!(
        "latency of an append, Durability::Power, 100 bytes, as the broker does it (what has come is a batch)"
    );
    println!(
        "{:>10} {:>10} {:>10} {:>10} {:>10} {:>12}",
        "msg/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "largest wal"
    );
    for rate in [1_000, 10_000, 20_000] {
        latency(rate, Duration::from_secs(20));
    }
    println!("\nCPU of an append, all threads, and the time it takes");
    println!("{:>10} {:>14} {:>14} {:>10}", "batch", "us/message", "commit us", "msg/s");
    for size in [1, 50, 500] {
        cost(size);
    }
    opening();
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
        let batch = (first..due.min(all)).map(|n| say(n.into(), "lobby")).collect();
        block_on(log.append(batch)).unwrap();
        taken.extend((first..due.min(all)).map(|n| start.elapsed().saturating_sub(gap * (n + 1))));
        largest = largest.max(fs::metadata(&wal).map_or(0, |it| it.len()));
    }
    taken.sort_unstable();
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let (half, p99, p999, max) = (at(0.5), at(0.99), at(0.999), at(1.0));
    println!("{rate:>10} {half:>10.2} {p99:>10.2} {p999:>10.2} {max:>10.2} {:>8} MiB", largest >> 20);
}

fn cost(size: u64) {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let batches = (60_000 / size).clamp(200, 4_000);
    let messages: Vec<Vec<Append>> =
        (0..batches).map(|n| (0..size).map(|it| say(n * size + it, "lobby")).collect()).collect();
    let (start, cpu) = (Instant::now(), cpu_time());
    for batch in messages {
        block_on(log.append(batch)).unwrap();
    }
    let (elapsed, cpu) = (start.elapsed(), cpu_time() - cpu);
    let count = (batches * size) as f64;
    println!(
        "{size:>10} {:>14.2} {:>14.0} {:>10.0}",
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
    println!("\nopening {entries} entries ({} MiB) after the process was killed: {opened:?}", size >> 20);
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
        let batch = (0..500).map(|it| say(n * 500 + it, &format!("room{}", it % 100))).collect();
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
        kind: EntryKind::Message,
        from: "somebody".to_owned(),
        at: now.as_millis() as u64,
        text: format!("{n:>100}"),
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
