//! A disk without any space left, while people talk: they are told, they can read, and it goes on when there is some.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use chat_core::wire::Code;

use super::{
    Bench, Found, PATIENCE,
    crowd::{Crowd, Talk},
    eventually,
    notes::{Fate, Notes},
    place::Place,
    server::{Launch, Served},
    spread,
    stored::{Stored, judge, judge_screens, read_by_joining},
};

/// Fills a disk of 8 MiB and frees it again, `times` times, while people talk; then fills it before a server starts.
pub fn full(bench: &Bench, times: usize, seed: u64) -> Found {
    let place = Place::new(&bench.scratch);
    match place.and_then(|it| it.mount(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).map(|()| it)) {
        Ok(place) => Found::of(run(bench, &place, times, seed)),
        Err(why) => Found::Skipped(format!("root, to mount a tmpfs ({why})")),
    }
}

fn run(bench: &Bench, place: &Place, times: usize, seed: u64) -> Result<(String, Vec<String>), String> {
    let mut launch = Launch::new(place.inside().join("data"));
    launch.through = place.through();
    let mut server = Served::start(bench, &mut launch)?;
    let talk = Talk { people: 4, rooms: 2, per_second: 400, longest: 60, seed };
    let crowd = Crowd::start(bench, &launch.at, talk)?;
    let ballast = place.outside().join("ballast");
    let (mut broken, mut back) = (Vec::new(), Vec::new());
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut refused = 0;
    for round in 1..=times {
        crowd.flows(dice.usize(50..200), PATIENCE)?;
        if crowd.count(refusals) > refused {
            broken.push(format!("round {round}: refused although there is space"));
        }
        fill(&ballast).map_err(|error| error.to_string())?;
        let wanted = refused + dice.usize(1..200);
        eventually("messages are refused with storage_full", PATIENCE, || {
            (crowd.count(refusals) >= wanted).then_some(())
        })?;
        let pages = crowd.count(|it| it.pages);
        crowd.look_back();
        eventually("everybody has a page of history", PATIENCE, || {
            (crowd.count(|it| it.pages) >= pages + talk.people).then_some(())
        })?;
        // Nothing is stored meanwhile, so what somebody new reads can be compared.
        crowd.talk(false);
        eventually("everything is answered", PATIENCE, || (crowd.count(open) == 0).then_some(()))?;
        let (read, gone) = read_by_joining(bench, &launch.at[0], crowd.rooms())?;
        refused = crowd.count(refusals);
        broken.extend((gone > 0).then(|| format!("round {round}: {gone} numbers cannot be read")));
        broken.extend(judge(&crowd.notes(), &read).all(&format!("round {round}, full")));
        fs::remove_file(&ballast).map_err(|error| error.to_string())?;
        let began = Instant::now();
        crowd.talk(true);
        crowd.flows(1, PATIENCE)?;
        back.push(began.elapsed());
        broken.extend(server.ended().map(|it| format!("round {round}: the server ended: {it}")));
        (bench.say)(&format!("round {round}: {refused} refused so far"));
    }
    crowd.settle(PATIENCE)?;
    let (stored, _) = read_by_joining(bench, &launch.at[0], crowd.rooms())?;
    let notes = crowd.notes();
    broken.extend(judge(&notes, &stored).all("in the end"));
    broken.extend(judge_screens(&notes, &stored));
    let cuts: usize = notes.iter().map(|it| it.cuts).sum();
    broken.extend((cuts > 0).then(|| format!("{cuts} links were lost")));
    let slow = |it: &Duration| *it > SOON;
    let told = times_to(&notes, |it| matches!(it, Fate::Refused(_)));
    broken.extend(told.iter().filter(|it| slow(it)).map(|it| format!("refused after {it:?}")));
    let strange = notes.iter().flat_map(|it| &it.said).filter(|it| match it.fate {
        Fate::Refused(code) => code != Code::StorageFull,
        ref fate => !matches!(fate, Fate::Acked { .. }),
    });
    broken.extend(strange.take(5).map(|it| format!("neither stored nor refused: {it:?}")));
    drop(crowd);
    server.kill()?;
    let at_start = full_at_start(bench, &mut launch, &ballast, &stored, &mut broken)?;
    let figures = format!(
        "{times} rounds, {} stored and {} refused, these after {}; stored again after {}; {at_start}",
        stored.values().map(|it| it.len()).sum::<usize>(),
        told.len(),
        spread(told),
        spread(back),
    );
    Ok((figures, broken))
}

/// A server that starts on a full disk lets people read what there is, or says why it does not.
fn full_at_start(
    bench: &Bench,
    launch: &mut Launch,
    ballast: &Path,
    stored: &Stored,
    broken: &mut Vec<String>,
) -> Result<&'static str, String> {
    fill(ballast).map_err(|error| error.to_string())?;
    let found = match Served::start(bench, launch) {
        Ok(server) => {
            let rooms: Vec<String> = stored.keys().cloned().collect();
            let (read, _) = read_by_joining(bench, &launch.at[0], &rooms)?;
            if read != *stored {
                broken.push("a server that starts on a full disk shows something else".to_owned());
            }
            server.kill()?;
            "a server that starts on a full disk lets people read"
        }
        Err(ended) if ended.is_orderly() => "a server that starts on a full disk says so and ends",
        Err(ended) => return Err(ended.into()),
    };
    fs::remove_file(ballast).map_err(|error| error.to_string())?;
    let server = Served::start(bench, launch)?;
    let rooms: Vec<String> = stored.keys().cloned().collect();
    let (read, _) = read_by_joining(bench, &launch.at[0], &rooms)?;
    if read != *stored {
        broken.push("after a start on a full disk something else is shown".to_owned());
    }
    server.kill()?;
    Ok(found)
}

/// Writes until nothing more goes in, and stays so: what somebody else gave back meanwhile is taken as well.
fn fill(ballast: &Path) -> std::io::Result<()> {
    let mut file = File::create(ballast)?;
    for size in [1 << 16, 4096] {
        loop {
            match file.write_all(&vec![0; size]) {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(NO_SPACE) => break,
                Err(error) => return Err(error),
            }
        }
        thread::yield_now();
    }
    Ok(())
}

fn refusals(notes: &Notes) -> usize {
    notes.said.iter().filter(|it| matches!(it.fate, Fate::Refused(_))).count()
}

fn open(notes: &Notes) -> usize {
    notes.said.iter().filter(|it| it.answered.is_none()).count()
}

fn times_to(people: &[Notes], fate: impl Fn(&Fate) -> bool) -> Vec<Duration> {
    people.iter().flat_map(|it| &it.said).filter(|it| fate(&it.fate)).filter_map(|it| it.took()).collect()
}

/// How long anybody may wait to be told that there is no space.
const SOON: Duration = Duration::from_secs(1);
/// `ENOSPC`
const NO_SPACE: i32 = 28;
