//! Calls of the system that fail: the n-th that writes or syncs a file of the log, or all from that one on.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write,
    fs,
    ops::RangeInclusive,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use chat_core::wire::Code;

use super::{
    Bench, Found, PATIENCE,
    crowd::{Crowd, Talk},
    eventually,
    notes::Fate,
    server::{Launch, Served},
    stored::{judge, judge_screens, read_by_joining},
};

/// Lets the n-th sync and the n-th write of a thread fail, for each `n` of a range, while people talk.
pub fn errors(bench: &Bench, range: RangeInclusive<usize>, seed: u64) -> Found {
    match check_strace() {
        Ok(()) => Found::of(run(bench, range, seed)),
        Err(why) => Found::Skipped(format!("strace ({why})")),
    }
}

fn run(bench: &Bench, range: RangeInclusive<usize>, seed: u64) -> Result<(String, Vec<String>), String> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    for n in range {
        for calls in ["fsync,fdatasync", "pwrite64"] {
            let error = *dice.choice(&["EIO", "ENOSPC"]).expect("there are some");
            // Once, for a while, or for ever.
            let until = [String::new(), format!("..{}", n + 30), "+".to_owned()];
            let inject =
                format!("inject={calls}:error={error}:when={n}{}", dice.choice(&until).expect("as above"));
            let (outcome, wrong) =
                one(bench, &inject, dice.u64(..)).map_err(|why| format!("{inject}: {why}"))?;
            (bench.say)(&format!("{inject}: {outcome}"));
            *outcomes.entry(format!("{error} from {calls}: {outcome}")).or_default() += 1;
            broken.extend(wrong.into_iter().map(|it| format!("{inject}: {it}")));
        }
    }
    let mut figures = format!("{} errors", outcomes.values().sum::<usize>());
    for (outcome, count) in outcomes {
        write!(figures, "; {count} of {outcome}").map_err(|error| error.to_string())?;
    }
    Ok((figures, broken))
}

/// One server to which that happens, and one after it to which nothing happens.
fn one(bench: &Bench, inject: &str, seed: u64) -> Result<(String, Vec<String>), String> {
    let data = bench.scratch.join("errors");
    let trace = bench.scratch.join("trace");
    let _ = fs::remove_dir_all(&data); // there may be none
    let mut launch = Launch::new(data);
    // Half of them while the log is made, half while it is written on.
    if seed.is_multiple_of(2) {
        Served::start(bench, &mut launch)?.kill()?;
    }
    launch.through = through_strace(&trace, inject);
    let mut server = match Served::start(bench, &mut launch) {
        Ok(server) => server,
        Err(ended) if ended.is_orderly() => {
            launch.through.clear();
            Served::start(bench, &mut launch)?.kill()?;
            return Ok(("ends at the start".to_owned(), Vec::new()));
        }
        Err(ended) => return Err(ended.into()),
    };
    let talk = Talk { people: 4, rooms: 2, per_second: 1000, longest: 100, seed };
    let crowd = Crowd::start(bench, &launch.at, talk)?;
    // It may be that no thread comes so far in that time.
    let injected = || fs::read_to_string(&trace).is_ok_and(|it| it.contains("(INJECTED)"));
    let is_hit = eventually("the error", REACHED, || (injected() || server.ended().is_some()).then_some(()));
    let goes_on = crowd.flows(20, ANSWERED).is_ok();
    let ended = server.ended();
    let can_be_read =
        ended.is_some() || matches!(read_by_joining(bench, &launch.at[0], crowd.rooms()), Ok((_, 0)));
    server.kill()?;
    let notes = crowd.notes();
    let has = |fate: &Fate| notes.iter().flat_map(|it| &it.said).any(|it| it.fate == *fate);
    let outcome = match (ended, has(&Fate::Failed), has(&Fate::Refused(Code::StorageFull))) {
        _ if is_hit.is_err() => "not reached",
        (Some(_), ..) => "ends",
        (None, _, true) if goes_on => "refused with storage_full, then goes on",
        (None, _, true) => "refused with storage_full",
        (None, true, _) if goes_on => "refused with storage_failed, then goes on",
        (None, true, _) => "refused with storage_failed",
        (None, false, false) if goes_on => "nobody notices",
        (None, false, false) => "nobody is answered",
    };
    let outcome = format!("{outcome}{}", if can_be_read { "" } else { ", and cannot be read" });
    launch.through.clear();
    let server = Served::start(bench, &mut launch)?;
    crowd.settle(PATIENCE)?;
    let (stored, _) = read_by_joining(bench, &launch.at[0], crowd.rooms())?;
    server.kill()?;
    let notes = crowd.notes();
    let mut broken = judge(&notes, &stored).all("after a restart");
    broken.extend(judge_screens(&notes, &stored));
    Ok((outcome, broken))
}

/// Whether it can be used here.
pub(super) fn check_strace() -> Result<(), String> {
    let mut command = Command::new("strace");
    command.args(["-D", "-qq", "-o", "/dev/null", "true"]).stdin(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("it ends with {status}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The words that run a server so that this happens to its files. It stays a child of ours, and strace ends with it.
pub(super) fn through_strace(trace: &Path, inject: &str) -> Vec<OsString> {
    let words = ["strace", "-D", "-f", "-qq", "-e", "trace=fsync,fdatasync,pwrite64", "-e", inject, "-o"];
    words.into_iter().map(OsString::from).chain([trace.into()]).collect()
}

/// How long it may take until the error happens.
const REACHED: Duration = Duration::from_secs(6);
/// How long it may take until a few more messages are acknowledged, where the server goes on.
const ANSWERED: Duration = Duration::from_secs(1);
