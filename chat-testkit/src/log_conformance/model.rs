//! A random life of a log, from a seed, next to the simplest log there could be.

use std::collections::{BTreeMap, HashMap};

use chat_core::{
    ClientId, RoomName,
    log::{
        Append, EntryHash, LogEntry, LogPage, Outcome, PageLimit, Position, RoomLog,
        chain::{self, Link},
        epoch_of_room, parts_of_epoch,
    },
    wire::{Author, EntryKind},
};

use super::{Medium, fixture::*};

/// Lives a thousand steps, and holds each of them to the model. Another life: `SEED=2 cargo test …`.
pub(super) async fn live(medium: &dyn Medium) {
    let seed = std::env::var("SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut model = Model::default();
    let mut log = medium.open(None);
    model.runs.push((log.epoch(), HashMap::new()));
    for step in 0..1000 {
        let what = format!("seed {seed}, step {step}");
        match dice.u8(0..100) {
            0..60 => {
                let batch: Vec<Append> = (0..dice.usize(0..12)).map(|_| item(&mut dice)).collect();
                let wanted: Vec<Outcome> = batch.iter().map(|it| model.append(it)).collect();
                assert_eq!(append(&*log, batch).await.outcomes, wanted, "{what}");
            }
            60..70 => {
                let batch: Vec<Append> = (0..dice.usize(0..12)).map(|_| item(&mut dice)).collect();
                let wanted: Vec<Option<Outcome>> = batch.iter().map(|it| model.lookup(it)).collect();
                assert_eq!(log.lookup(batch).await.expect("the log can be read"), wanted, "{what}");
            }
            70..96 => {
                let room = name(ROOMS[dice.usize(..ROOMS.len())]);
                let limit = PageLimit { entries: dice.usize(0..50), bytes: dice.usize(0..300) };
                let after = dice.u64(0..=model.rooms.get(&room).map_or(1, |it| it.len() as u64 + 1));
                let page = log.read(&room, after, limit).await.expect("the log can be read");
                assert_eq!(page, model.page(&room, after, limit), "{what}");
            }
            96..98 => model.check_rooms(&*log, &what).await,
            _ => {
                drop(log);
                log = medium.open(None);
                if !medium.is_durable() {
                    model = Model::default();
                }
                model.runs.push((log.epoch(), HashMap::new()));
            }
        }
        model.check_holds(&*log, &mut dice, &what).await;
    }
    model.check_rooms(&*log, &format!("seed {seed}, the end")).await;
}

/// Few names and texts, so that they meet again.
fn item(dice: &mut fastrand::Rng) -> Append {
    let (client, request) = (ClientId(dice.u128(0..3)), dice.u64(0..1500));
    let room = ROOMS[if dice.u8(0..8) == 0 { dice.usize(..ROOMS.len()) } else { request as usize % 3 }];
    let text = if dice.u8(0..8) == 0 { "other".to_owned() } else { format!("{request}").repeat(3) };
    let said = match request {
        number if number.is_multiple_of(16) => topic(0, request, room, &text),
        number if number.is_multiple_of(5) => by(Author::bot("ana"), say(0, request, room, &text)),
        _ => say(0, request, room, &text),
    };
    Append { at: NOW + dice.u64(0..1000), client, ..said }
}

#[derive(Debug, Default)]
struct Model {
    rooms: BTreeMap<RoomName, Vec<LogEntry>>,
    requests: HashMap<(ClientId, u64), (RoomName, u64)>,
    /// Each run, with how far every room had come in it.
    runs: Vec<(String, HashMap<RoomName, u64>)>,
}

impl Model {
    fn append(&mut self, it: &Append) -> Outcome {
        if let Some(outcome) = self.lookup(it) {
            return outcome;
        }
        // The name as it was written first, which is how the log shows it.
        let name = self.rooms.get_key_value(&it.room).map_or(&it.room, |(name, _)| name).clone();
        let room = self.rooms.entry(it.room.clone()).or_default();
        let seq = room.len() as u64 + 1;
        let at = room.last().map_or(0, |it| it.at).max(it.at);
        let link = Link {
            previous: room.last().map_or(EntryHash::NONE, |it| it.hash),
            room: name.as_str(),
            seq,
            at,
            author: &it.author,
            kind: &it.body.kind,
            digest: chain::digest(&it.body),
        };
        let hash = link.hash();
        room.push(LogEntry { seq, at, author: it.author.clone(), body: it.body.clone(), hash });
        self.requests.insert((it.client, it.request), (it.room.clone(), seq));
        let (_, heads) = self.runs.last_mut().expect("a run has begun");
        heads.insert(it.room.clone(), seq);
        Outcome::Stored(Position { seq, at })
    }

    fn lookup(&self, it: &Append) -> Option<Outcome> {
        let (room, seq) = self.requests.get(&(it.client, it.request))?;
        let entry = &self.rooms[room][*seq as usize - 1];
        let is_same = *room == it.room && entry.body == it.body && entry.author.bot == it.author.bot;
        Some(if is_same { Outcome::Known(Position { seq: *seq, at: entry.at }) } else { Outcome::Conflict })
    }

    fn page(&self, room: &RoomName, after: u64, limit: PageLimit) -> LogPage {
        let all = self.rooms.get(room).map_or(&[][..], Vec::as_slice);
        let mut entries: Vec<LogEntry> = Vec::new();
        let mut bytes = 0;
        for entry in all.iter().filter(|it| it.seq > after) {
            let is_full = entries.len() >= limit.entries || bytes >= limit.bytes;
            if is_full && !entries.is_empty() {
                break;
            }
            bytes += entry.body.text.len();
            entries.push(entry.clone());
        }
        let through = entries.last().map_or(after, |it| it.seq);
        LogPage { entries, through }
    }

    async fn check_rooms(&self, log: &dyn RoomLog, what: &str) {
        let listed: Vec<_> = rooms(log)
            .await
            .into_iter()
            .map(|it| (it.room, it.oldest, it.head, it.state.topic().to_owned()))
            .collect();
        let wanted = self.rooms.iter().map(|(room, all)| {
            let topic = all.iter().rev().find(|it| it.body.kind == EntryKind::Topic);
            (room.clone(), 1, all.len() as u64, topic.map_or(String::new(), |it| it.body.text.clone()))
        });
        assert_eq!(listed, wanted.collect::<Vec<_>>(), "{what}");
    }

    /// What was read in a run is held if the room was that far in it.
    async fn check_holds(&self, log: &dyn RoomLog, dice: &mut fastrand::Rng, what: &str) {
        let upto = dice.usize(..self.runs.len());
        let room = name(ROOMS[dice.usize(..ROOMS.len())]);
        let head =
            self.runs[..=upto].iter().filter_map(|(_, heads)| heads.get(&room)).max().copied().unwrap_or(0);
        if head == 0 {
            return;
        }
        // The room is the same one in every run.
        let now = epoch(log, room.as_str()).await;
        let (_, incarnation) = parts_of_epoch(&now).expect("the epoch of a room");
        let epoch = &epoch_of_room(&self.runs[upto].0, incarnation);
        // What is asked of the present run is asked by the server itself, with the head it knows.
        if upto + 1 < self.runs.len() {
            assert!(!log.holds(&room, epoch, head + 1), "{what}: after {head} in run {upto}");
        }
        assert!(log.holds(&room, epoch, dice.u64(1..=head)), "{what}: up to {head} in run {upto}");
    }
}

const ROOMS: &[&str] = &["lobby", "Küche", "third"];
