//! Somebody's way to the server, as a transport.

use std::{io, time::Duration};

use chat_core::{
    Address,
    transport::{BoxLink, Listening, Promises, Transport},
    wire::MAX_FRAME,
};
use futures::{FutureExt, StreamExt, future::BoxFuture};

use super::{Bound, Conditions, End, Life, Network, Pair, Path, link::LinkEnd, listener::Accepting};

/// What links promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Order and delivery, until the link ends.
    Wire,
    /// Order alone: frames get lost and doubled, and none overtakes another.
    Sequenced,
    /// Delivery alone: every frame arrives once, in any order.
    Unordered,
    /// Nothing.
    Air,
}

impl Kind {
    /// All kinds of links.
    pub const ALL: [Kind; 4] = [Kind::Wire, Kind::Sequenced, Kind::Unordered, Kind::Air];

    /// The scheme of the addresses of such links.
    pub fn scheme(self) -> &'static str {
        match self {
            Kind::Wire => "wire",
            Kind::Sequenced => "sequenced",
            Kind::Unordered => "unordered",
            Kind::Air => "air",
        }
    }

    pub(super) fn is_reliable(self) -> bool {
        matches!(self, Kind::Wire | Kind::Unordered)
    }

    pub(super) fn is_ordered(self) -> bool {
        matches!(self, Kind::Wire | Kind::Sequenced)
    }
}

/// A way through the network: links that are dialled along it have these conditions.
#[derive(Clone, Debug)]
pub struct Route {
    /// The network it leads through.
    pub network: Network,
    /// What its links promise.
    pub kind: Kind,
    /// The host it begins at.
    pub host: String,
    /// The way to the server.
    pub up: Conditions,
    /// The way back.
    pub down: Conditions,
    /// After how many frames a link that promises delivery is cut on average; 0: never.
    pub cut_after: u64,
    /// The dice of its links.
    pub seed: u64,
}

impl Route {
    /// A way without faults and delay, to listen at.
    pub fn clear(network: &Network, kind: Kind) -> Route {
        Route {
            network: network.clone(),
            kind,
            host: "here".to_owned(),
            up: Conditions::default(),
            down: Conditions::default(),
            cut_after: 0,
            seed: 0,
        }
    }

    fn open(&self, address: &Address) -> u64 {
        let mut state = self.network.state();
        let number = state.number();
        let mut dice = fastrand::Rng::with_seed(self.seed ^ number.wrapping_mul(GOLDEN));
        let back = Path::new(self.down.clone(), dice.u64(..));
        let there = Path::new(self.up.clone(), dice.u64(..));
        let frames_left = (self.cut_after > 0).then(|| dice.u64(1..self.cut_after * 2));
        let ends = [End { life: Life::Alive, ..End::default() }, End::default()];
        let pair = Pair {
            kind: self.kind,
            address: address.to_string(),
            host: self.host.clone(),
            paths: [back, there],
            ends,
            frames_left,
            cut: false,
        };
        state.links.insert(number, pair);
        number
    }

    /// Knocks at the server and waits until it opens.
    async fn connect(&self, address: &Address) -> io::Result<BoxLink> {
        let network = &self.network;
        let elapsed = network.time.elapsed();
        let dark = |conditions: &Conditions| conditions.dark.iter().any(|(a, b)| (*a..*b).contains(&elapsed));
        if (dark(&self.up) || dark(&self.down)) && !network.state().calm {
            network.time.pass(PATIENCE).await;
            return Err(io::ErrorKind::TimedOut.into());
        }
        network.time.pass(self.up.delay).await;
        let link = {
            let there = address.to_string();
            let listens = network.state().places.get(&there).is_some_and(|it| it.listener.is_some());
            listens.then(|| {
                let number = self.open(address);
                let mut state = network.state();
                let arrival = (network.now(), state.number());
                state.arrive(&there, arrival, number, None);
                drop(state);
                LinkEnd::new(network, number, Bound::Client)
            })
        };
        network.time.pass(self.down.delay).await;
        let link = link.ok_or_else(|| io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens"))?;
        Ok(Box::pin(link))
    }
}

impl Transport for Route {
    fn promises(&self) -> Promises {
        let (ordered, reliable) = (self.kind.is_ordered(), self.kind.is_reliable());
        Promises { ordered, reliable, max_frame: MAX_FRAME }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let incoming = Accepting::new(&self.network, &address.to_string());
            let incoming = incoming.ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))?;
            Ok(Listening { address: address.clone(), incoming: incoming.boxed() })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            if self.kind.is_reliable() {
                return self.connect(address).await;
            }
            let number = self.open(address);
            Ok(Box::pin(LinkEnd::new(&self.network, number, Bound::Client)) as BoxLink)
        }
        .boxed()
    }
}

/// After how long a dial is given up that nobody answers.
const PATIENCE: Duration = Duration::from_secs(5);
/// Sets the dice of links apart that have neighbouring numbers.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
