//! One conversation of one contestant: link and server are made, people come, talk and leave, and all is counted.

use std::{ops::Range, sync::Arc, time::Duration};

use anyhow::anyhow;
use chat_core::{SharedRuntime, transport::Transports};
use chat_lab::Outage;
use chat_measure::{Contestant, Counters, Figures, Plan, Venue};
use futures::{FutureExt, future::join, select_biased};

use super::{
    ground::{Footing, Ground},
    progress::Progress,
};
use crate::{args::Conditions, names};

pub(super) struct Round<'a> {
    pub(super) contestant: &'a Contestant,
    pub(super) conditions: &'a Conditions,
    pub(super) plan: &'a Arc<Plan>,
    pub(super) seed: u64,
    /// What its files are called.
    pub(super) name: &'a str,
}

impl Round<'_> {
    /// Holds it.
    ///
    /// # Errors
    /// When no link or server can be made, or somebody cannot come in.
    pub(super) async fn hold(
        &self,
        transports: &Transports,
        ground: &Ground,
        progress: &mut Progress,
        runtime: &SharedRuntime,
    ) -> anyhow::Result<Figures> {
        let title = match self.conditions.to_string() {
            conditions if conditions.is_empty() => self.contestant.name.clone(),
            conditions => format!("{} over {conditions}", self.contestant.name),
        };
        let counters = Arc::new(Counters::default());
        let people = self.plan.conversation().people;
        let held = {
            let mut shown = Box::pin(progress.show(&title, people, &counters, runtime).fuse());
            let mut talked = Box::pin(self.talk(transports, ground, &counters, runtime).fuse());
            select_biased! {
                held = talked => held,
                () = shown => unreachable!("it never ends"),
            }
        };
        let said = match &held {
            Ok(figures) => format!("{} of {} delivered", figures.delivered, figures.expected),
            Err(error) => format!("{error:#}"),
        };
        progress.round(&title, &said);
        held
    }

    async fn talk(
        &self,
        transports: &Transports,
        ground: &Ground,
        counters: &Arc<Counters>,
        runtime: &SharedRuntime,
    ) -> anyhow::Result<Figures> {
        let footing = ground.footing(self.contestant, self.conditions, self.seed, self.name, runtime).await?;
        let venue = Venue {
            transport: transports.get(&footing.address)?,
            address: footing.address.clone(),
            password: None,
            prefix: names::unique("lab", &**runtime) + "-",
            runtime: runtime.clone(),
        };
        let gathering =
            chat_measure::gather(self.plan.clone(), venue, self.contestant.raw, counters.clone()).await;
        let mut gathering = gathering.map_err(|why| anyhow!(why))?;
        // What coming in has set in motion comes to rest.
        let delay = self.conditions.up.settings().delay + self.conditions.down.settings().delay;
        let ahead = AHEAD + delay;
        let begins = runtime.now() + ahead;
        footing.begin(self.conditions, ahead)?;
        let count = async {
            runtime.sleep_until(begins).await;
            footing.count()
        };
        let ((), before) = join(gathering.talk(begins), count).await;
        let after = footing.count();
        let notes = gathering.leave().await;
        footing.end()?;
        let repairs = !self.contestant.reliable && !self.contestant.raw;
        let mut figures = chat_measure::figures(self.plan, &notes, &self.outages(), repairs);
        Footing::add(&mut figures, &before, &after);
        Ok(figures)
    }

    /// When nothing passed on the way to people, while they talked.
    fn outages(&self) -> Vec<Range<Duration>> {
        let lasts = self.plan.conversation().lasts;
        let times = |it: &Outage| {
            let (start, length, every) = (it.start, it.length, it.every);
            let nth = move |nth: u32| start + every.unwrap_or_default() * nth;
            let many = if every.is_some() { u32::MAX } else { 1 };
            (0..many).map(nth).take_while(move |it| *it < lasts).map(move |it| it..it + length)
        };
        self.conditions.down.settings().outages.iter().flat_map(times).collect()
    }
}

/// How long people are silent before they begin.
const AHEAD: Duration = Duration::from_millis(150);
