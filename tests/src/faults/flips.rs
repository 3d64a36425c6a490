//! Files of a log that are not what was written: bits that flipped, and ends that are missing.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use chat_core::log::{PageLimit, RoomLog};
use futures::executor::block_on;

use super::{
    Bench, Found, PATIENCE,
    crowd::{Crowd, Talk},
    server::{Launch, Served},
    stored::{Stored, judge, read_by_joining, read_copy},
};

/// How much of what.
#[derive(Clone, Copy, Debug)]
pub struct Flips {
    /// Bits, one at a time.
    pub flips: usize,
    /// Ends that are cut off.
    pub cuts: usize,
    /// How many of either are shown to a server as well.
    pub served: usize,
    /// How many entries the log has, about.
    pub entries: usize,
}

/// Damages copies of what a server that was killed has left. What can still be read is what was said.
pub fn flips(bench: &Bench, times: Flips, seed: u64) -> Found {
    Found::of(run(bench, times, seed))
}

fn run(bench: &Bench, times: Flips, seed: u64) -> Result<(String, Vec<String>), String> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (files, truth) = talk(bench, times.entries, seed)?;
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    let target = bench.scratch.join("broken");
    for round in 0..times.flips + times.cuts {
        let is_cut = round >= times.flips;
        // Every fourth in the write-ahead log, which is the smaller and the more fragile one.
        let file = usize::from(dice.u8(0..4) == 0);
        let mut content = files[file].1.clone();
        let at = dice.usize(..content.len());
        match is_cut {
            true => content.truncate(at),
            false => content[at] ^= 1 << dice.u8(0..8),
        }
        let what = if is_cut { "cut off" } else { "flipped" };
        let what = format!("{} {what}", files[file].0);
        let put = |content: &[u8]| {
            let _ = fs::remove_dir_all(&target); // there may be none
            fs::create_dir_all(&target)?;
            fs::write(target.join(files[file].0), content)?;
            fs::write(target.join(files[1 - file].0), &files[1 - file].1)
        };
        put(&content).map_err(|error| error.to_string())?;
        let found = look(bench, &target, &truth).map_err(|wrong| format!("{what} at {at}: {wrong}"));
        let mut count = |found: Result<&str, String>| match found {
            Ok(outcome) => *outcomes.entry(format!("{what}, {outcome}")).or_default() += 1,
            Err(wrong) => broken.push(wrong),
        };
        count(found);
        if round % (times.flips + times.cuts).div_ceil(times.served.max(1)) == 0 {
            put(&content).map_err(|error| error.to_string())?;
            count(
                look_through_server(bench, &target, &truth)
                    .map_err(|wrong| format!("{what} at {at}, served: {wrong}")),
            );
        }
        if round % 100 == 99 {
            (bench.say)(&format!("{} looked at", round + 1));
        }
    }
    let entries: usize = truth.values().map(|it| it.len()).sum();
    let sizes = files.map(|(name, it)| format!("{name} of {} KiB", it.len() >> 10)).join(", ");
    let mut figures = format!("{entries} entries, {sizes}, {} flips, {} cuts", times.flips, times.cuts);
    for (outcome, count) in outcomes {
        write!(figures, "; {count} {outcome}").map_err(|error| error.to_string())?;
    }
    Ok((figures, broken))
}

/// The database and its write-ahead log, by their names.
type Files = [(&'static str, Vec<u8>); 2];

/// Lets people talk and kills their server: the files it leaves, and what they hold.
fn talk(bench: &Bench, entries: usize, seed: u64) -> Result<(Files, Stored), String> {
    let data = bench.scratch.join("whole");
    let mut launch = Launch::new(data.clone());
    let server = Served::start(bench, &mut launch)?;
    let talk = Talk { people: 8, rooms: 4, per_second: 1500, longest: 300, seed };
    let crowd = Crowd::start(bench, &launch.at, talk)?;
    crowd.flows(entries * 3 / 4, 4 * PATIENCE)?;
    server.kill()?;
    // The next one takes what there is into the database, and what follows stays in the write-ahead log.
    let server = Served::start(bench, &mut launch)?;
    crowd.flows(entries / 4, 4 * PATIENCE)?;
    server.kill()?;
    let truth = read_copy(bench, &data)?;
    let broken = judge(&crowd.notes(), &truth).all("before anything is damaged");
    if let Some(first) = broken.into_iter().next() {
        return Err(first);
    }
    let read = |name: &'static str| {
        fs::read(data.join(name)).map(|it| (name, it)).map_err(|error| error.to_string())
    };
    Ok(([read("chat.db")?, read("chat.db-wal")?], truth))
}

/// What becomes of a log that is opened there.
fn look(bench: &Bench, directory: &Path, truth: &Stored) -> Result<&'static str, String> {
    let opened = catch_unwind(AssertUnwindSafe(|| (bench.open)(directory)));
    match opened {
        Err(_) => Err("opening it panics".to_owned()),
        Ok(Err(_)) => Ok("refused"),
        Ok(Ok(log)) => look_into(&*log, truth),
    }
}

fn look_into(log: &dyn RoomLog, truth: &Stored) -> Result<&'static str, String> {
    let (mut seen, mut missing) = (0, 0);
    let mut is_readable = true;
    for state in block_on(log.rooms()).map_err(|error| error.to_string())? {
        let room = truth.get(state.room.as_str()).ok_or_else(|| format!("there is no {}", state.room))?;
        let (mut after, before) = (0, seen);
        while after < state.head {
            let page = match block_on(log.read(&state.room, after, PAGE)) {
                Ok(page) if page.through > after => page,
                Ok(_) => return Err(format!("a page of {} after {after} leads nowhere", state.room)),
                // What a thread that panicked leaves.
                Err(error) if error.to_string().contains("wait for it") => return Err(error.to_string()),
                Err(_) => {
                    is_readable = false;
                    break;
                }
            };
            after = page.through;
            for it in page.entries {
                if room
                    .get(&it.seq)
                    .is_none_or(|(from, text)| (from, text) != (&it.author.name, &it.body.text))
                {
                    return Err(format!(
                        "{} of {} is {:?} by {}",
                        it.seq, state.room, it.body.text, it.author.name
                    ));
                }
                seen += 1;
            }
        }
        missing += after - (seen - before);
    }
    let all: u64 = truth.values().map(|it| it.len() as u64).sum();
    Ok(match (is_readable, seen) {
        (false, _) => "read in part, then refused",
        (true, _) if seen == all => "all read",
        (true, 0) => "nothing read",
        (true, _) if missing == 0 => "all read up to an earlier end",
        (true, _) => "read with gaps",
    })
}

/// What becomes of a server that is started there, and of somebody who reads.
fn look_through_server(bench: &Bench, directory: &Path, truth: &Stored) -> Result<&'static str, String> {
    let mut launch = Launch::new(directory.to_owned());
    let server = match Served::start(bench, &mut launch) {
        Ok(server) => server,
        Err(ended) if ended.is_orderly() => return Ok("not served"),
        Err(ended) => return Err(ended.into()),
    };
    let rooms: Vec<String> = truth.keys().cloned().collect();
    let outcome = match read_by_joining(bench, &launch.at[0], &rooms) {
        Ok((read, _)) => {
            let is_true = |(room, entries): (&String, &BTreeMap<u64, (String, String)>)| {
                entries.iter().all(|(seq, it)| truth[room].get(seq) == Some(it))
            };
            if !read.iter().all(is_true) {
                return Err("somebody is shown what was never said".to_owned());
            }
            if read == *truth { "served whole" } else { "served with gaps" }
        }
        Err(why) if why.starts_with("a reader got Error") => "served, but not read",
        Err(why) => return Err(why),
    };
    server.kill()?;
    Ok(outcome)
}

const PAGE: PageLimit = PageLimit { entries: 500, bytes: 1 << 20 };
