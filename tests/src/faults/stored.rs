//! What a log holds, read whichever way, and whether that is what everybody was told.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use chat_core::{
    Address, ClientId,
    client::{self, Config, Update},
    log::{PageLimit, RoomLog},
    wire::{Join, RequestBody},
};
use futures::{StreamExt, executor::block_on};

use super::{
    Bench, PATIENCE,
    notes::{Fate, Notes, Said},
};
use chat_testkit::within;

/// What a log holds: of each room the numbers, with sender and text.
pub(super) type Stored = BTreeMap<String, BTreeMap<u64, (String, String)>>;

/// Everything that `log` gives.
///
/// # Errors
/// What it says when it does not.
pub(super) fn read(log: &dyn RoomLog) -> Result<Stored, String> {
    let mut stored = Stored::new();
    for state in block_on(log.rooms()).map_err(|error| error.to_string())? {
        let entries = stored.entry(state.room.to_string()).or_default();
        let mut after = 0;
        while after < state.head {
            let page = block_on(log.read(&state.room, after, PAGE)).map_err(|error| error.to_string())?;
            if page.through <= after {
                return Err(format!("a page of {} after {after} leads nowhere", state.room));
            }
            after = page.through;
            entries.extend(
                page.entries.into_iter().map(|it| (it.seq, (it.author.name.clone(), it.body.text.clone()))),
            );
        }
    }
    Ok(stored)
}

/// What a server that was killed has left in `data`, read from a copy, so that the next server finds it as it was.
pub(super) fn read_copy(bench: &Bench, data: &Path) -> Result<Stored, String> {
    let copy = bench.scratch.join("copy");
    let copied = || {
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(&copy)?;
        for file in ["chat.db", "chat.db-wal"] {
            if data.join(file).exists() {
                fs::copy(data.join(file), copy.join(file))?;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    copied().map_err(|error| format!("{}: {error}", data.display()))?;
    read(&*(bench.open)(&copy)?)
}

/// What somebody new is shown who joins `rooms` and reads them from the beginning, and how many numbers they are told
/// are gone.
pub(super) fn read_by_joining(
    bench: &Bench,
    address: &Address,
    rooms: &[String],
) -> Result<(Stored, u64), String> {
    let config = Config {
        name: "reader".to_owned(),
        client: ClientId(bench.runtime.random()),
        password: None,
        seed: 0,
        raw: false,
    };
    let transport = bench.transports.get(address).map_err(|error| error.to_string())?;
    let (mut remote, mut updates) = client::start(config, transport, address.clone(), bench.runtime.clone());
    let reading = async {
        let (mut stored, mut gone) = (Stored::new(), 0);
        // Of each room, how far it was read and how far it goes.
        let mut ways: HashMap<String, (u64, u64)> = HashMap::new();
        for room in rooms {
            let join = Join { room: room.clone().into(), after: Some(0), ..Join::default() };
            remote.ask(RequestBody::Join(join), 0).await.map_err(|error| error.to_string())?;
        }
        while ways.len() < rooms.len() || ways.values().any(|(read, head)| read < head) {
            match updates.next().await {
                Some(Update::Joined { joined, .. }) => {
                    stored.entry(joined.room.clone()).or_default();
                    ways.insert(joined.room, (joined.after, joined.head));
                }
                Some(Update::Entry(entry)) => {
                    let Some(way) = ways.get_mut(&entry.room) else { return Err("not joined".to_owned()) };
                    if entry.seq != way.0 + 1 {
                        return Err(format!("{} was shown after {} of {}", entry.seq, way.0, entry.room));
                    }
                    way.0 = entry.seq;
                    stored
                        .entry(entry.room)
                        .or_default()
                        .insert(entry.seq, (entry.author.name, entry.body.text));
                }
                Some(Update::Gap(gap)) => {
                    let Some(way) = ways.get_mut(&gap.room) else { return Err("not joined".to_owned()) };
                    gone += gap.to + 1 - gap.from;
                    way.0 = gap.to;
                }
                Some(Update::Disconnected { why, .. }) => {
                    return Err(format!("a reader lost its link: {why}"));
                }
                Some(Update::Reply { reply, .. }) => return Err(format!("a reader got {reply:?}")),
                None => return Err("a reader was not let in".to_owned()),
                Some(_) => {}
            }
        }
        Ok((stored, gone))
    };
    let read = block_on(within(&bench.runtime, PATIENCE, reading));
    read.unwrap_or_else(|| Err(format!("a reader does not come to the end within {PATIENCE:?}")))
}

/// What a log is, held against what everybody noted.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// What must never be.
    pub(super) broken: Vec<String>,
    /// What was acknowledged and is not there.
    pub(super) lost: Vec<Said>,
    /// Entries that nobody was told of.
    pub(super) unacked: usize,
    /// Entries in all.
    pub(super) entries: usize,
}

impl Verdict {
    /// Everything that is wrong where nothing may be lost.
    pub(super) fn all(self, when: &str) -> Vec<String> {
        let lost = self.lost.into_iter().map(|it| format!("lost: {it:?}"));
        let all: Vec<String> = self.broken.into_iter().chain(lost).collect();
        let more = all.len().saturating_sub(TOLD);
        let more = (more > 0).then(|| format!("{when}: and {more} more"));
        all.into_iter().take(TOLD).map(|it| format!("{when}: {it}")).chain(more).collect()
    }
}

/// Holds what is stored against what everybody noted.
pub(super) fn judge(people: &[Notes], stored: &Stored) -> Verdict {
    let mut verdict = Verdict::default();
    let mut places: HashMap<&str, (&str, u64)> = HashMap::new();
    let said: HashMap<&str, (usize, usize)> = people
        .iter()
        .enumerate()
        .flat_map(|(who, it)| it.said.iter().enumerate().map(move |(at, it)| (&*it.text, (who, at))))
        .collect();
    for (room, entries) in stored {
        let mut newest = vec![None; people.len()];
        for ((seq, (from, text)), wanted) in entries.iter().zip(1..) {
            verdict.entries += 1;
            if *seq != wanted {
                verdict.broken.push(format!("{room} has no {wanted}"));
                break;
            }
            if let Some(place) = places.insert(text, (room, *seq)) {
                verdict.broken.push(format!("{text:?} is stored as {place:?} and as {seq} of {room}"));
            }
            let Some(&(who, at)) = said.get(&**text) else {
                verdict.broken.push(format!("{seq} of {room} was never said: {from}: {text:?}"));
                continue;
            };
            let it = &people[who].said[at];
            if people[who].name != *from || it.room != *room {
                verdict.broken.push(format!("{seq} of {room} was said by {}: {it:?}", people[who].name));
            }
            if newest[who].is_some_and(|newest| newest >= at) {
                verdict
                    .broken
                    .push(format!("{seq} of {room} was said before what stands above it: {text:?}"));
            }
            newest[who] = Some(at);
            match it.fate {
                Fate::Refused(_) => verdict.broken.push(format!("{seq} of {room} was refused: {it:?}")),
                Fate::Unknown | Fate::Failed => verdict.unacked += 1,
                Fate::Acked { .. } => {}
            }
        }
    }
    for it in people.iter().flat_map(|it| &it.said) {
        if let Fate::Acked { seq, .. } = it.fate {
            match places.get(&*it.text) {
                Some(place) if *place == (&it.room, seq) => {}
                Some(place) => verdict.broken.push(format!("stored as {place:?}: {it:?}")),
                None => verdict.lost.push(it.clone()),
            }
        }
    }
    verdict.broken.extend(people.iter().flat_map(|it| it.wrong.iter().cloned()));
    verdict
}

/// What anybody sees now and is not what is stored, or is less than that.
pub(super) fn judge_screens(people: &[Notes], stored: &Stored) -> Vec<String> {
    let mut broken = Vec::new();
    for it in people {
        for (room, shown) in &it.shown {
            let Some(entries) = stored.get(room) else {
                if !shown.entries.is_empty() {
                    broken.push(format!("{} sees {room}, which is not stored", it.name));
                }
                continue;
            };
            let held = entries.values().skip(usize::try_from(shown.after).unwrap_or_default());
            let same = shown.entries.iter().zip(held).take_while(|(a, b)| a == b).count();
            let (seen, held) = (shown.after + shown.entries.len() as u64, entries.len() as u64);
            if same < shown.entries.len() || seen != held {
                let same = shown.after + same as u64;
                broken.push(format!("{} sees {seen} of {held} of {room}, right up to {same}", it.name));
            }
        }
    }
    broken
}

const PAGE: PageLimit = PageLimit { entries: 500, bytes: 1 << 20 };
/// What is told of one look.
const TOLD: usize = 5;
