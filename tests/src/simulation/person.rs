//! A person: asks for this and that, notes what comes, and is killed and begins anew as planned.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chat_core::{
    Address, ClientId, Runtime,
    client::{Config, Remote, Update, Updates, start},
    wire::{History as OlderOnes, Join, Leave, Post, RequestBody, Who},
};
use futures::{
    FutureExt, StreamExt,
    channel::oneshot,
    future::{Either, pending, select},
};

use super::{
    history::{History, What},
    network::{Kind, Network, Route},
    plan::{self, Plan},
    sabotage::Sabotage,
};
use chat_testkit::virtual_time::VirtualTime;

/// What everybody has to know of the world.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) time: VirtualTime,
    pub(super) network: Network,
    pub(super) history: History,
    pub(super) plan: Arc<Plan>,
}

/// One person in one of their lives.
struct Life {
    world: World,
    who: usize,
    number: u32,
    dice: fastrand::Rng,
    /// The rooms they are in, or will be once everything is answered.
    rooms: BTreeSet<usize>,
}

/// Lives as planned, until the world ends.
pub(super) async fn live(world: World, who: usize) {
    let person = world.plan.people[who].clone();
    let mut kills = person.kills.clone();
    kills.sort_unstable();
    let mut kills = kills.into_iter().peekable();
    let (mut host, mut tag) = (0, 0);
    for number in 0.. {
        let branch = world.time.branch();
        let host_name = format!("{}{host}", plan::name(who));
        world.history.note(Some(who), number, What::Begins(host_name.clone()));
        let route = Route {
            network: world.network.clone(),
            kind: person.kind,
            host: host_name,
            up: person.up.clone(),
            down: person.down.clone(),
            cut_after: person.cut_after,
            seed: person.seed,
        };
        let dice = fastrand::Rng::with_seed(person.seed.wrapping_add(u64::from(number)));
        let config = Config {
            name: plan::name(who).to_owned(),
            client: ClientId(world.time.random()),
            password: None,
            seed: person.seed.wrapping_add(u64::from(number)),
            raw: false,
        };
        let (remote, updates) = start(config, Arc::new(route), address(person.kind), branch.shared());
        let life = |dice| Life { world: world.clone(), who, number, dice, rooms: BTreeSet::new() };
        let (ended, over) = oneshot::channel();
        let (listening, asking) = (life(dice.clone()), life(dice));
        branch.spawn(listening.listen(updates, person.reads_for, ended).boxed());
        branch.spawn(asking.ask(remote, tag).boxed());
        // Tags tell lives apart, too.
        tag += TAGS_A_LIFE;
        // Whoever is killed while waiting to be let in is not killed again for that.
        let killed = async {
            match kills.peek() {
                Some((at, ..)) => world.time.pass(at.saturating_sub(world.time.elapsed())).await,
                None => pending().await,
            }
        };
        let was_killed = matches!(select(Box::pin(killed), over).await, Either::Left(_));
        branch.kill();
        if was_killed {
            world.history.note(Some(who), number, What::Killed);
            let (_, away, moves) = kills.next().unwrap_or_default();
            host += usize::from(moves);
            world.time.pass(away).await;
        } else {
            world.history.note(Some(who), number, What::Over);
            world.time.pass(WAITS_FOR_NAME).await;
        }
    }
}

/// Where the server listens for links of that kind.
pub(super) fn address(kind: Kind) -> Address {
    format!("{}://hall", kind.scheme()).parse().expect("an address")
}

impl Life {
    fn note(&self, what: What) {
        self.world.history.note(Some(self.who), self.number, what);
    }

    async fn listen(self, mut updates: Updates, reads_for: Duration, ended: oneshot::Sender<()>) {
        let twice = self.world.plan.sabotage == Some(Sabotage::AnswersTwice);
        while let Some(update) = updates.next().await {
            if twice
                && matches!(update, Update::Reply { .. })
                && self.world.time.elapsed().as_millis().is_multiple_of(8)
            {
                self.note(What::Told(update.clone()));
            }
            self.note(What::Told(update));
            if !reads_for.is_zero() && self.world.time.elapsed() < self.world.plan.length {
                self.world.time.pass(reads_for).await;
            }
        }
        let _ = ended.send(()); // it is heard unless the person is killed at this very moment
    }

    async fn ask(mut self, mut remote: Remote, first_tag: u64) {
        let plan = self.world.plan.clone();
        let person = &plan.people[self.who];
        let (time, quiet) = (self.world.time.clone(), plan.length.saturating_sub(plan.silence));
        let mut tag = first_tag;
        self.rooms = (0..plan.rooms).filter(|room| *room == 0 || self.dice.u8(..4) > 0).collect();
        let mut asks: Vec<RequestBody<'static>> =
            self.rooms.iter().rev().map(|room| join(plan::room(*room), None, None)).collect();
        for _ in 0..person.asks {
            if time.elapsed() > quiet && asks.is_empty() {
                break;
            }
            let request = asks.pop().unwrap_or_else(|| self.request(tag));
            self.note(What::Asks(tag, request.clone()));
            if remote.ask(request, tag).await.is_err() {
                return;
            }
            tag += 1;
            // Bursts, and pauses between them.
            if self.dice.u8(..3) == 0 && !person.pause.is_zero() {
                let pause = person.pause.mul_f64(self.dice.f64());
                time.pass(if self.dice.u8(..20) == 0 { pause * 8 } else { pause }).await;
            }
        }
        let last = plan.length + super::QUIET - super::ROLL_CALL;
        time.pass(last.saturating_sub(time.elapsed())).await;
        for room in 0..plan.rooms {
            let request = RequestBody::Who(Who { room: plan::room(room).into() });
            self.note(What::Asks(tag, request.clone()));
            if remote.ask(request, tag).await.is_err() {
                return;
            }
            tag += 1;
        }
        pending::<()>().await; // whoever drops the remote leaves
    }

    fn request(&mut self, tag: u64) -> RequestBody<'static> {
        let plan = &self.world.plan;
        let number = self.dice.usize(..plan.rooms);
        let room = plan::room(number);
        let (here, strays) = (self.rooms.contains(&number), plan.people[self.who].strays);
        let what = self.dice.u8(..40);
        match what {
            0 => _ = self.rooms.remove(&number),
            1..6 => _ = self.rooms.insert(number),
            _ => {}
        }
        let is_bot = tag.is_multiple_of(8);
        match what {
            0 | 7 | 9 | 10 | 15.. if !here && !strays => RequestBody::Who(Who { room: room.into() }),
            0 => RequestBody::Leave(Leave { room: room.into() }),
            1..4 => join(room, None, None),
            4 => join(room, None, Some(self.dice.u64(..20))),
            5 => join(room, Some(self.dice.u64(..40)), None),
            6 => RequestBody::Who(Who { room: room.into() }),
            7 => {
                let before = self.dice.bool().then(|| self.dice.u64(1..100));
                RequestBody::History(OlderOnes { room: room.into(), before, limit: Some(20), hashes: false })
            }
            8 => RequestBody::Rooms(Default::default()),
            9 | 10 => RequestBody::from(Post::topic(room, self.text(tag))),
            11..15 => {
                let to = plan::name(self.dice.usize(..self.world.plan.people.len()));
                RequestBody::from(Post::tell(to, self.text(tag)).by_bot(is_bot))
            }
            _ => RequestBody::from(Post::say(room, self.text(tag)).by_bot(is_bot)),
        }
    }

    /// Something nobody else ever says: who, in which life, under which tag.
    fn text(&mut self, tag: u64) -> String {
        let mut text = format!("{}.{}.{tag}", plan::name(self.who), self.number);
        let more = match self.dice.u8(..50) {
            0 => self.dice.usize(..1000),
            1..10 => self.dice.usize(..60),
            _ => 0,
        };
        if more > 0 {
            text.push(' ');
            text.extend(std::iter::repeat_n('.', more));
        }
        text
    }
}

fn join(room: &'static str, after: Option<u64>, recent: Option<u64>) -> RequestBody<'static> {
    RequestBody::Join(Join { room: room.into(), after, recent, ..Join::default() })
}

/// A new life begins with another thousand.
const TAGS_A_LIFE: u64 = 1000;
/// How long a person waits who was not let in.
const WAITS_FOR_NAME: Duration = Duration::from_secs(4);
