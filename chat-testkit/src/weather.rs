//! Bad weather with a seed: frames get lost, doubled, overtaken and delayed, and links are cut, as the dice fall.
//!
//! It wraps any link, or any transport, whatever that promises by itself. The same seed and the same frames meet the
//! same fate.

mod dice;
mod link;
mod sky;

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Dialled, Listening, Promises, Transport},
};
use futures::{FutureExt, TryFutureExt, future::BoxFuture};

pub use dice::{Dice, Odds};
pub use sky::Sky;

/// What happens to the frames of a link, each way. The default is a clear sky.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// How many of a hundred frames are lost.
    pub loss: u8,
    /// How many of a hundred frames that are not lost arrive twice.
    pub duplicate: u8,
    /// How many of a hundred frames are held back while up to [`hold`](Weather::hold) later ones pass.
    pub reorder: u8,
    /// By how many frames one can be overtaken; 3 if it is 0. A frame that nothing follows waits no longer than 20 ms.
    pub hold: u8,
    /// How long every frame is on its way.
    pub delay: Duration,
    /// After how many frames, both ways together, a link is cut on average: the dice pick a number from 1 to twice
    /// as many less one. A link that is cut ends with an error, and what was on its way is lost. 0: never.
    pub cut_after: u64,
}

impl Weather {
    /// `link` in this weather. Its fate is that of `seed`.
    ///
    /// It promises less than the link did, see [`WeatherTransport::promises`].
    pub fn over(self, link: BoxLink, seed: u64, runtime: &SharedRuntime) -> BoxLink {
        Box::pin(link::WeatherLink::new(self, link, seed, runtime))
    }

    /// What is left of `promises` in this weather. Lost and doubled frames break the promise of one arrival, overtaken
    /// frames break the promise of order; delay and cuts break neither.
    fn weaken(self, promises: Promises) -> Promises {
        Promises {
            ordered: promises.ordered && self.reorder == 0,
            reliable: promises.reliable && self.loss == 0 && self.duplicate == 0,
            ..promises
        }
    }
}

/// A transport whose dialled links go through bad weather, both ways. Accepted links are those of the transport
/// inside; so one listener serves clients in all weathers.
pub struct WeatherTransport {
    inner: Arc<dyn Transport>,
    weather: Weather,
    seed: u64,
    runtime: SharedRuntime,
    dialled: AtomicU64,
}

impl WeatherTransport {
    /// `inner` in this weather. The n-th link that is dialled has the fate of `seed` + n.
    pub fn new(
        inner: Arc<dyn Transport>,
        weather: Weather,
        seed: u64,
        runtime: SharedRuntime,
    ) -> WeatherTransport {
        WeatherTransport { inner, weather, seed, runtime, dialled: AtomicU64::new(0) }
    }

    /// How many links were dialled so far.
    pub fn dialled(&self) -> u64 {
        self.dialled.load(Ordering::Relaxed)
    }
}

impl Transport for WeatherTransport {
    /// The promises of the transport inside, as far as the weather keeps them: frames that get lost or doubled take away
    /// `reliable`, and frames that are overtaken take away `ordered`.
    fn promises(&self) -> Promises {
        self.weather.weaken(self.inner.promises())
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.inner.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.connect(address).map_ok(|dialled| dialled.link).boxed()
    }

    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Dialled>> {
        async move {
            let dialled = self.inner.connect(address).await?;
            let number = self.dialled.fetch_add(1, Ordering::Relaxed);
            let link = self.weather.over(dialled.link, self.seed.wrapping_add(number), &self.runtime);
            Ok(Dialled { link, ..dialled })
        }
        .boxed()
    }
}

impl fmt::Debug for WeatherTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeatherTransport")
            .field("weather", &self.weather)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
