//! A server that is killed under load, again and again, at any moment.

use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{
    Bench, Found, PATIENCE,
    crowd::{Crowd, Talk},
    server::{Launch, RESTART, Served},
    spread,
    stored::{judge, judge_screens, read, read_by_joining, read_copy},
};

/// Kills a server `times` times while people say a thousand messages a second over TCP and UDP.
///
/// Two of three kills wait for the end of a commit, as the others seldom fall between that and its acknowledgement.
/// After each kill everything that was acknowledged has to be there, and in the end everybody has to see all of it.
pub fn kill(bench: &Bench, times: usize, seed: u64) -> Found {
    Found::of(run(bench, times, seed))
}

fn run(bench: &Bench, times: usize, seed: u64) -> Result<(String, Vec<String>), String> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let data = bench.scratch.join("kill");
    let mut launch = Launch::new(data.clone());
    let mut server = Served::start(bench, &mut launch)?;
    let talk = Talk { people: 8, rooms: 3, per_second: 1000, longest: 200, seed };
    let crowd = Crowd::start(bench, &launch.at, talk)?;
    let (mut broken, mut restarts, mut entries) = (Vec::new(), Vec::new(), 0);
    // Of those at any moment, and those after a commit.
    let (mut kills, mut hits) = ([0; 2], [0; 2]);
    for round in 1..=times {
        crowd.flows(1, PATIENCE)?;
        thread::sleep(Duration::from_millis(dice.u64(50..=500)));
        let is_aimed = usize::from(round % 3 != 0);
        if is_aimed == 1 {
            await_commit(&data).map_err(|error| error.to_string())?;
        }
        server.kill()?;
        let stored = read_copy(bench, &data)?;
        let verdict = judge(&crowd.notes(), &stored);
        kills[is_aimed] += 1;
        hits[is_aimed] += usize::from(verdict.unacked > 0);
        let found =
            format!("kill {round}: {} entries, {} not acknowledged", verdict.entries, verdict.unacked);
        (bench.say)(&found);
        entries = verdict.entries;
        broken.extend(verdict.all(&format!("kill {round}")));
        let began = Instant::now();
        server = Served::start(bench, &mut launch)?;
        restarts.push(began.elapsed());
    }
    crowd.flows(1, PATIENCE)?;
    crowd.settle(PATIENCE)?;
    let (shown, _) = read_by_joining(bench, &launch.at[0], crowd.rooms())?;
    server.kill()?;
    let notes = crowd.notes();
    let stored = read(&*(bench.open)(&data)?)?;
    if shown != stored {
        broken.push("who joins last is not shown what is stored".to_owned());
    }
    let verdict = judge(&notes, &stored);
    if verdict.unacked > 0 || verdict.entries <= entries {
        broken.push(format!("in the end {} of {} were never answered", verdict.unacked, verdict.entries));
    }
    let said: usize = notes.iter().map(|it| it.said.len()).sum();
    let figures = format!(
        "{times} kills; {} of {} at any moment and {} of {} after a commit found entries that were stored and not \
         acknowledged; {said} messages said, {} stored; {} links lost; back after {}",
        hits[0],
        kills[0],
        hits[1],
        kills[1],
        verdict.entries,
        notes.iter().map(|it| it.cuts).sum::<usize>(),
        spread(restarts.clone()),
    );
    broken.extend(verdict.all("in the end"));
    broken.extend(judge_screens(&notes, &stored));
    broken.extend(restarts.iter().filter(|it| **it > RESTART).map(|it| format!("back after {it:?}")));
    Ok((figures, broken))
}

/// Returns when a commit has just been written, or after a while without one.
fn await_commit(data: &Path) -> std::io::Result<()> {
    // The head of the index of the write-ahead log (sqlite.org/walformat.html) changes with each commit.
    let mut index = File::open(data.join("chat.db-shm"))?;
    let mut head = || {
        let mut head = [0; 48];
        index.rewind()?;
        index.read_exact(&mut head).map(|()| head)
    };
    let (before, began) = (head()?, Instant::now());
    while head()? == before && began.elapsed() < COMMIT {}
    Ok(())
}

/// Several times as long as it takes until the next message.
const COMMIT: Duration = Duration::from_millis(50);
