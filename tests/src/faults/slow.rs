//! A disk that takes seconds for every sync, while people say more than it can take.

use std::{thread, time::Duration};

use super::{
    Bench, Found,
    crowd::{Crowd, Talk},
    errors::{check_strace, through_strace},
    server::{Launch, Served},
    spread,
    stored::{judge, judge_screens, read_by_joining},
};

/// Makes every sync take `delay` longer: messages are acknowledged late, but once, and nobody loses their link.
pub fn slow(bench: &Bench, delay: Duration, seed: u64) -> Found {
    match check_strace() {
        Ok(()) => Found::of(run(bench, delay, seed)),
        Err(why) => Found::Skipped(format!("strace ({why})")),
    }
}

fn run(bench: &Bench, delay: Duration, seed: u64) -> Result<(String, Vec<String>), String> {
    let mut launch = Launch::new(bench.scratch.join("slow"));
    // Its tables are made at the speed of the real disk.
    Served::start(bench, &mut launch)?.kill()?;
    let inject = format!("inject=fsync,fdatasync:delay_enter={}", delay.as_micros());
    launch.through = through_strace(&bench.scratch.join("trace"), &inject);
    let mut server = Served::start(bench, &mut launch)?;
    let talk = Talk { people: 20, rooms: 3, per_second: 400, longest: 4000, seed };
    let crowd = Crowd::start(bench, &launch.at, talk)?;
    crowd.flows(1, 30 * delay.max(Duration::from_secs(1)))?;
    thread::sleep(4 * delay);
    crowd.settle(60 * delay.max(Duration::from_secs(1)))?;
    let (stored, _) = read_by_joining(bench, &launch.at[0], crowd.rooms())?;
    let memory = server.most_memory();
    let mut broken: Vec<String> =
        server.ended().map(|it| format!("the server ended: {it}")).into_iter().collect();
    let notes = crowd.notes();
    server.kill()?;
    let said = || notes.iter().flat_map(|it| &it.said);
    let unanswered = said().filter(|it| !it.is_acked()).count();
    broken.extend((unanswered > 0).then(|| format!("{unanswered} were not acknowledged")));
    let cuts: usize = notes.iter().map(|it| it.cuts).sum();
    broken.extend((cuts > 0).then(|| format!("{cuts} links were lost")));
    broken.extend((memory > MEMORY).then(|| format!("the server took {} MiB", memory >> 20)));
    let took: Vec<Duration> = said().filter_map(|it| it.took()).collect();
    if took.iter().max().is_none_or(|it| *it < delay) {
        broken.push("nothing was slow: this rig shows nothing".to_owned());
    }
    broken.extend(judge(&notes, &stored).all("in the end"));
    broken.extend(judge_screens(&notes, &stored));
    let figures = format!(
        "every sync {delay:?} longer: {} messages, acknowledged after {}; at most {} MiB of memory, {cuts} links lost",
        said().count(),
        spread(took),
        memory >> 20,
    );
    Ok((figures, broken))
}

/// What a server may take at most with 4 MiB that wait, and what it reads for everybody.
const MEMORY: u64 = 256 << 20;
