//! One conversation of one contestant: link and server are set up, clients join, talk and leave, and their samples become
//! figures.

use std::{ops::Range, sync::Arc, time::Duration};

use anyhow::anyhow;
use chat_core::{SharedRuntime, transport::Transports};
use chat_lab::Outage;
use chat_measure::{Contestant, Counters, Figures, JoinedClients, Plan, TargetServer};
use futures::{FutureExt, future::join, select_biased};

use super::{
    progress::Progress,
    testbed::{Setup, Testbed},
};
use crate::{args::Conditions, names};

/// One conversation of one contestant.
pub(super) struct Round<'a> {
    pub(super) contestant: &'a Contestant,
    pub(super) conditions: &'a Conditions,
    pub(super) plan: &'a Arc<Plan>,
    pub(super) seed: u64,
    /// The name of the round's files, without extension.
    pub(super) name: &'a str,
}

impl Round<'_> {
    /// Runs the conversation.
    ///
    /// # Errors
    /// When link or server cannot be set up, or a client cannot join.
    pub(super) async fn run(
        &self,
        transports: &Transports,
        testbed: &Testbed,
        progress: &mut Progress,
        runtime: &SharedRuntime,
    ) -> anyhow::Result<Figures> {
        let title = match self.conditions.to_string() {
            conditions if conditions.is_empty() => self.contestant.name.clone(),
            conditions => format!("{} over {conditions}", self.contestant.name),
        };
        let counters = Arc::new(Counters::default());
        let people = self.plan.conversation().people;
        let outcome = {
            let mut shown = Box::pin(progress.show(&title, people, &counters, runtime).fuse());
            let mut measured = Box::pin(self.measure(transports, testbed, &counters, runtime).fuse());
            select_biased! {
                outcome = measured => outcome,
                () = shown => unreachable!("it never ends"),
            }
        };
        let words = match &outcome {
            Ok(figures) => format!("{} of {} delivered", figures.delivered, figures.expected),
            Err(error) => format!("{error:#}"),
        };
        progress.round(&title, &words);
        outcome
    }

    /// Sets up the testbed, lets the clients talk, and computes the figures.
    async fn measure(
        &self,
        transports: &Transports,
        testbed: &Testbed,
        counters: &Arc<Counters>,
        runtime: &SharedRuntime,
    ) -> anyhow::Result<Figures> {
        let setup = testbed.set_up(self.contestant, self.conditions, self.seed, self.name, runtime).await?;
        let target = TargetServer {
            transport: transports.get(&setup.address)?,
            address: setup.address.clone(),
            password: None,
            prefix: names::unique("lab", &**runtime) + "-",
            runtime: runtime.clone(),
        };
        let joined =
            JoinedClients::join(self.plan.clone(), target, self.contestant.raw, counters.clone()).await;
        let mut clients = joined.map_err(|why| anyhow!(why))?;
        // The traffic of the joins comes to rest before the conversation begins.
        let delay = self.conditions.up.settings().delay + self.conditions.down.settings().delay;
        let ahead = AHEAD + delay;
        let begins = runtime.now() + ahead;
        setup.begin(self.conditions, ahead)?;
        let snapshot = async {
            runtime.sleep_until(begins).await;
            setup.snapshot()
        };
        let ((), before) = join(clients.talk(begins), snapshot).await;
        let after = setup.snapshot();
        let samples = clients.leave().await;
        setup.end()?;
        let repairs = !self.contestant.reliable && !self.contestant.raw;
        let mut figures = chat_measure::figures(self.plan, &samples, &self.outages(), repairs);
        Setup::add(&mut figures, &before, &after);
        Ok(figures)
    }

    /// When nothing got through from server to clients during the conversation.
    fn outages(&self) -> Vec<Range<Duration>> {
        let lasts = self.plan.conversation().lasts;
        let times = |outage: &Outage| {
            let (start, length, every) = (outage.start, outage.length, outage.every);
            let nth = move |nth: u32| start + every.unwrap_or_default() * nth;
            let many = if every.is_some() { u32::MAX } else { 1 };
            (0..many).map(nth).take_while(move |start| *start < lasts).map(move |start| start..start + length)
        };
        self.conditions.down.settings().outages.iter().flat_map(times).collect()
    }
}

/// How long clients are silent before the conversation begins, besides the link's delay.
const AHEAD: Duration = Duration::from_millis(150);
