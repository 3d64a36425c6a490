//! Power that fails: a file system that from one moment on forgets what was not on its disk.

use std::{
    fs,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    Bench, Found, PATIENCE,
    crowd::{Crowd, Talk},
    notes::Said,
    place::Place,
    server::{Launch, RESTART, Served},
    spread,
    stored::{Verdict, judge, judge_screens, read_by_joining},
};

/// Cuts the power `times` times with each durability while people talk.
///
/// What was acknowledged has to be there, unless the server promised less. Then something has to be lost at least
/// once, or this rig shows nothing, and everybody who had read it has to be told.
pub fn power(bench: &Bench, times: usize, seed: u64) -> Found {
    match Disk::new(bench) {
        Ok(disk) => Found::of(run(bench, &disk, times, seed)),
        Err(why) => Found::Skipped(format!("root, losetup and mkfs.ext4 ({why})")),
    }
}

fn run(bench: &Bench, disk: &Disk, times: usize, seed: u64) -> Result<(String, Vec<String>), String> {
    let held = cuts(bench, disk, "power", times, seed)?;
    disk.format()?;
    let control = cuts(bench, disk, "process", times, seed)?;
    let mut broken = held.broken;
    broken.extend(held.lost.iter().take(5).map(|it| format!("lost: {it:?}")));
    broken.extend(control.broken.iter().map(|it| format!("with less durability: {it}")));
    if control.lost.is_empty() {
        broken.push("nothing was ever lost without durability: this rig shows nothing".to_owned());
    }
    let figures = format!(
        "{times} cuts, {} of {} acknowledged messages lost ({} more were acknowledged in the moment of the cut); back \
         after {}; with --durability process {} of {} lost in {} cuts, and {} times somebody began a room anew",
        held.lost.len(),
        held.acked,
        held.too_late,
        spread(held.restarts),
        control.lost.len(),
        control.acked,
        control.losses,
        control.resets,
    );
    Ok((figures, broken))
}

#[derive(Debug, Default)]
struct Outcome {
    acked: usize,
    lost: Vec<Said>,
    /// Lost as well, but acknowledged while the power was already being cut.
    too_late: usize,
    /// Cuts in which something was lost.
    losses: usize,
    resets: usize,
    broken: Vec<String>,
    restarts: Vec<Duration>,
}

fn cuts(
    bench: &Bench,
    disk: &Disk,
    durability: &'static str,
    times: usize,
    seed: u64,
) -> Result<Outcome, String> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut outcome = Outcome::default();
    for round in 1.. {
        // What has reached the disk by chance is no loss: where there has to be one, there are some more tries.
        let is_to_lose = durability == "process" && outcome.lost.is_empty();
        if round > times + if is_to_lose { MORE } else { 0 } {
            break;
        }
        disk.mount()?;
        let data = disk.place.inside().join(format!("data{round}"));
        let mut launch = Launch::new(data);
        launch.through = disk.place.through();
        launch.args.extend(["--durability", durability]);
        let server = Served::start(bench, &mut launch)?;
        let talk = Talk { people: 4, rooms: 2, per_second: 500, longest: 200, seed: seed ^ round as u64 };
        let crowd = Crowd::start(bench, &launch.at, talk)?;
        crowd.flows(dice.usize(20..=400), PATIENCE)?;
        let cut_at = disk.cut()?;
        server.kill()?;
        let acked =
            crowd.count(|it| it.said.iter().filter(|it| it.is_acked() && it.answered < Some(cut_at)).count());
        disk.place.unmount()?;
        disk.mount()?;
        let began = Instant::now();
        let server = Served::start(bench, &mut launch)?;
        outcome.restarts.push(began.elapsed());
        crowd.flows(1, PATIENCE)?;
        crowd.settle(PATIENCE)?;
        let (stored, _) = read_by_joining(bench, &launch.at[0], crowd.rooms())?;
        let notes = crowd.notes();
        let Verdict { broken, mut lost, .. } = judge(&notes, &stored);
        let before = lost.len();
        // An answer to a sync that was under way means nothing: without power nobody would have got it.
        lost.retain(|it| it.answered < Some(cut_at));
        outcome.too_late += before - lost.len();
        let found = format!(
            "--durability {durability}, cut {round}: {acked} acknowledged before it, {} lost",
            lost.len()
        );
        (bench.say)(&found);
        outcome.acked += acked;
        outcome.losses += usize::from(!lost.is_empty());
        outcome.lost.extend(lost);
        outcome.resets += notes.iter().map(|it| it.resets).sum::<usize>();
        let broken = broken.into_iter().chain(judge_screens(&notes, &stored));
        outcome.broken.extend(broken.map(|it| format!("cut {round}: {it}")));
        server.kill()?;
        drop(crowd);
        let slow = outcome.restarts.last().filter(|it| **it > RESTART);
        outcome.broken.extend(slow.map(|it| format!("cut {round}: back after {it:?}")));
        disk.place.unmount()?;
    }
    Ok(outcome)
}

/// A disk whose power can be cut: a file with ext4 on it.
#[derive(Debug)]
struct Disk {
    place: Place,
    image: String,
}

impl Disk {
    fn new(bench: &Bench) -> Result<Disk, String> {
        let image = bench.scratch.join("disk");
        let file = fs::File::create(&image).map_err(|error| error.to_string())?;
        file.set_len(BYTES).map_err(|error| error.to_string())?;
        let disk = Disk { place: Place::new(&bench.scratch)?, image: image.to_string_lossy().into_owned() };
        disk.format()?;
        disk.mount()?;
        disk.place.unmount()?;
        Ok(disk)
    }

    fn format(&self) -> Result<(), String> {
        self.place.run(&["mkfs.ext4", "-q", "-F", &self.image])
    }

    fn mount(&self) -> Result<(), String> {
        self.place.mount(&["-t", "ext4", "-o", "loop", &self.image])
    }

    /// From now on nothing reaches the disk, not even the journal. Returns the last moment at which it was whole.
    fn cut(&self) -> Result<Instant, String> {
        let through = self.place.through();
        let mut command = Command::new(&through[0]);
        command.args(&through[1..]).args(["python3", "-c", SHUTDOWN]).arg(self.place.inside());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let cut = |mut child: Child| {
            let mut stdin = child.stdin.take().expect("it is piped");
            child.stdout.take().expect("it is piped").read_exact(&mut [0])?;
            let now = Instant::now();
            stdin.write_all(b"\n")?;
            Ok::<_, std::io::Error>((now, child.wait()?))
        };
        match child.and_then(cut) {
            Ok((now, status)) if status.success() => Ok(now),
            other => Err(format!("the power cannot be cut: {other:?}")),
        }
    }
}

/// Cuts besides those asked for, while nothing was lost that may be.
const MORE: usize = 4;
const BYTES: u64 = 128 << 20;
/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH` (linux/fs/ext4/ext4.h).
const SHUTDOWN: &str = "import fcntl, os, struct, sys
root = os.open(sys.argv[1], os.O_RDONLY)
os.write(1, b'?')
os.read(0, 1)
fcntl.ioctl(root, 0x8004587d, struct.pack('I', 2))";
