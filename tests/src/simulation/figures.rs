//! How fast what was lost is repaired: a room over the air, in virtual time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chat_core::{
    ClientId, Runtime,
    client::{Config, Remote, Update, Updates, start},
    log::MemoryLog,
    server::{self, Limits, Server},
    transport::Transports,
    wire::{Join, Post, RequestBody},
};
use futures::{FutureExt, StreamExt, channel::mpsc, future::join_all};

use super::{
    network::{Bound, Conditions, Kind, Network, Route},
    person::address,
    plan,
};
use chat_testkit::{virtual_time::VirtualTime, weather::Odds};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// How many of a hundred frames are lost, each way.
    pub loss: u8,
    /// How many people are in the room.
    pub people: usize,
    /// How many of them say something.
    pub speakers: usize,
    /// How long each of those waits between two messages.
    pub every: Duration,
    /// How many messages each says.
    pub messages: u32,
}

/// How long it took from asking to being shown, for every reader but the sender, ascending.
#[derive(Debug, Default)]
pub struct Figures {
    /// All of them.
    pub delays: Vec<Duration>,
    /// About how many entries were lost on their first way.
    pub lost: u64,
    /// How often somebody asked for some of them again, repetitions of the asking included.
    pub replays: u64,
    /// Frames in all, both ways.
    pub frames: u64,
}

/// Who was shown what, and when.
type Shown = (usize, String, Duration);

/// Lives through one scene.
pub fn measure(scene: Scene, seed: u64) -> Figures {
    let time = VirtualTime::new(seed);
    let network = Network::new(&time);
    let mut figures = time.run(play(&time, &network, scene, seed));
    time.end();
    figures.delays.sort_unstable();
    figures
}

impl Figures {
    /// The delay that so many of a thousand do not exceed.
    pub fn per_mille(&self, rank: usize) -> Duration {
        let at = (self.delays.len() * rank / 1000).min(self.delays.len().saturating_sub(1));
        self.delays.get(at).copied().unwrap_or_default()
    }

    /// Takes in those of another seed.
    pub fn add(&mut self, other: Figures) {
        self.delays.extend(other.delays);
        self.delays.sort_unstable();
        self.lost += other.lost;
        self.replays += other.replays;
        self.frames += other.frames;
    }
}

async fn play(time: &VirtualTime, network: &Network, scene: Scene, seed: u64) -> Figures {
    let config = server::Config { limits: Limits::default().unlimited(), ..server::Config::default() };
    let log = Arc::new(MemoryLog::new(1 << 28, u128::from(seed)));
    let server = Server::start(config, log, time.shared()).await.expect("a log in memory can be read");
    let transports = Transports::new().with("air", Route::clear(network, Kind::Air));
    server.listen(&transports, &address(Kind::Air)).await.expect("nobody else listens");
    let (tell, mut shown) = mpsc::channel::<Shown>(SHOWN);
    let mut remotes = Vec::new();
    for who in 0..scene.people {
        let (mut remote, updates) = enter(time, network, scene, seed, who);
        let join = RequestBody::Join(Join { room: ROOM.into(), ..Join::default() });
        remote.ask(join, 0).await.expect("the client goes on");
        time.spawn(listen(time.clone(), who, updates, tell.clone()).boxed());
        remotes.push(remote);
    }
    time.pass(SETTLED).await;
    let before = network.traffic();
    let replays = count_replays(network);
    let said = remotes
        .iter_mut()
        .enumerate()
        .take(scene.speakers)
        .map(|(who, remote)| say(time, scene, who, remote));
    let collect = async {
        let mut all = Vec::new();
        while let Some(one) = shown.next().await {
            all.push(one);
            if all.len() == scene.people * scene.speakers * scene.messages as usize {
                break;
            }
        }
        all
    };
    let (said, all) = futures::join!(join_all(said), collect);
    let asked: HashMap<String, (usize, Duration)> = said.into_iter().flatten().collect();
    let entries = (asked.len() * scene.people) as f64;
    let lost = (entries * f64::from(scene.loss) / 100.0).round();
    let replays = replays.load(Ordering::Relaxed);
    let frames = network.traffic().sent - before.sent;
    let mut figures = Figures { lost: lost as u64, replays, frames, ..Figures::default() };
    for (reader, text, at) in all {
        let (sender, since) = asked[&text];
        if sender != reader {
            figures.delays.push(at - since);
        }
    }
    figures
}

/// Counts how often somebody asks for entries again.
fn count_replays(network: &Network) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let replays = count.clone();
    network.tamper(Box::new(move |_, bound, frame| {
        if bound == Bound::Server && frame.starts_with(br#"{"type":"replay""#) {
            replays.fetch_add(1, Ordering::Relaxed);
        }
        Some(frame)
    }));
    count
}

fn enter(time: &VirtualTime, network: &Network, scene: Scene, seed: u64, who: usize) -> (Remote, Updates) {
    let odds = Odds { loss: scene.loss, ..Odds::default() };
    let way = Conditions { odds, delay: ONE_WAY, jitter: JITTER, dark: Vec::new() };
    let route = Route {
        network: network.clone(),
        kind: Kind::Air,
        host: plan::name(who).to_owned(),
        up: way.clone(),
        down: way,
        cut_after: 0,
        seed: seed.wrapping_add(who as u64),
    };
    let config = Config {
        name: plan::name(who).to_owned(),
        client: ClientId(time.random()),
        password: None,
        seed: seed.wrapping_add(who as u64),
        raw: false,
    };
    start(config, Arc::new(route), address(Kind::Air), time.shared())
}

async fn listen(time: VirtualTime, who: usize, mut updates: Updates, mut tell: mpsc::Sender<Shown>) {
    while let Some(update) = updates.next().await {
        if let Update::Entry(entry) = update {
            let _ = futures::SinkExt::send(&mut tell, (who, entry.body.text, time.elapsed())).await;
        }
    }
}

/// Says everything, and when it was asked.
async fn say(
    time: &VirtualTime,
    scene: Scene,
    who: usize,
    remote: &mut Remote,
) -> Vec<(String, (usize, Duration))> {
    let mut said = Vec::new();
    // Nobody speaks at the same moment as another.
    time.pass(scene.every.mul_f64(who as f64 / scene.speakers as f64)).await;
    for number in 0..scene.messages {
        let text = format!("{}.{number}", plan::name(who));
        said.push((text.clone(), (who, time.elapsed())));
        let say = RequestBody::from(Post::say(ROOM, text));
        remote.ask(say, u64::from(number) + 1).await.expect("the client goes on");
        time.pass(scene.every).await;
    }
    said
}

const ROOM: &str = "lobby";
/// Half of a round trip.
const ONE_WAY: Duration = Duration::from_micros(2_400);
/// What may come on top of that.
const JITTER: Duration = Duration::from_micros(200);
/// By then everybody is in the room.
const SETTLED: Duration = Duration::from_secs(20);
/// What was shown and not counted yet.
const SHOWN: usize = 1024;
