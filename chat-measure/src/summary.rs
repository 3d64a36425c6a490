//! The figures of one contestant under one condition, summed up over its rounds.

use crate::{
    durations::Durations,
    estimate::{Estimate, NORMAL},
    figures::Figures,
    human::plain,
    report::{Condition, Contestant, Link, Report, Round},
};

/// The rounds of one contestant under one condition.
pub(crate) struct Summary<'a> {
    pub contestant: &'a Contestant,
    /// The contestant's name, safe to be shown.
    pub name: String,
    /// The rounds that did not fail: repetition and figures.
    pub rounds: Vec<(usize, &'a Figures)>,
    /// Why the other rounds failed.
    pub failures: Vec<&'a str>,
    /// The latencies of all deliveries.
    pub latency: Durations,
    pub expected: u64,
    pub delivered: u64,
    pub duplicated: u64,
    pub reordered: u64,
}

impl<'a> Summary<'a> {
    /// The summaries of all contestants under a condition, in the report's order.
    pub fn of(report: &'a Report, condition: usize) -> Vec<Summary<'a>> {
        let contestants = report.contestants.iter().enumerate();
        contestants.map(|(index, it)| Summary::new(report, condition, index, it)).collect()
    }

    fn new(report: &'a Report, condition: usize, index: usize, contestant: &'a Contestant) -> Summary<'a> {
        let mut summary = Summary {
            contestant,
            name: plain(&contestant.name),
            rounds: Vec::new(),
            failures: Vec::new(),
            latency: Durations::default(),
            expected: 0,
            delivered: 0,
            duplicated: 0,
            reordered: 0,
        };
        let these = |round: &&Round| round.condition == condition && round.contestant == index;
        for round in report.rounds.iter().filter(these) {
            match &round.outcome {
                Ok(figures) => summary.add(round.repetition, figures),
                Err(why) => summary.failures.push(why),
            }
        }
        summary.rounds.sort_by_key(|(repetition, _)| *repetition);
        summary
    }

    fn add(&mut self, repetition: usize, figures: &'a Figures) {
        self.latency.add(&figures.latency);
        self.expected += figures.expected;
        self.delivered += figures.delivered;
        self.duplicated += figures.duplicated;
        self.reordered += figures.reordered;
        self.rounds.push((repetition, figures));
    }

    /// How many rounds were measured, with those that failed.
    pub fn measured(&self) -> usize {
        self.rounds.len() + self.failures.len()
    }

    /// Deliveries that never came.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }

    /// Whether every round was measured without failure and all its deliveries came.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.expected > 0 && self.lost() == 0
    }

    /// The share of expected deliveries that never came; `None` if none were expected.
    pub fn share_lost(&self) -> Option<f64> {
        share(self.lost(), self.expected)
    }

    /// The share of expected deliveries that came; `None` if none were expected.
    pub fn share_delivered(&self) -> Option<f64> {
        share(self.expected - self.lost(), self.expected)
    }

    /// The share of deliveries that came again.
    pub fn share_duplicated(&self) -> Option<f64> {
        share(self.duplicated, self.delivered)
    }

    /// The share of deliveries that came out of order.
    pub fn share_reordered(&self) -> Option<f64> {
        share(self.reordered, self.delivered)
    }

    /// The mean of a figure over the rounds that have it.
    pub fn each(&self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<Estimate> {
        Estimate::of(&self.rounds.iter().filter_map(|(_, it)| figure(it)).collect::<Vec<_>>())
    }

    /// A percentile of the latency in microseconds, over all deliveries of all rounds. Its confidence interval comes from the
    /// percentiles of the single rounds.
    pub fn percentile(&self, quantile: f64) -> Option<Estimate> {
        let of_rounds =
            self.each(|figures| figures.latency.quantile(quantile).map(|micros| micros as f64))?;
        let value = self.latency.quantile(quantile)? as f64;
        Some(Estimate { value, plus_minus: of_rounds.plus_minus })
    }

    /// The range in which a percentile of the latency lies, estimated from the number of deliveries alone.
    pub fn percentile_within(&self, quantile: f64) -> Option<(u64, u64)> {
        let count = self.latency.count() as f64;
        let width = NORMAL * (quantile * (1.0 - quantile) / count).sqrt();
        let at = |it: f64| self.latency.quantile(it.clamp(0.0, 1.0));
        Some((at(quantile - width)?, at(quantile + width)?))
    }

    /// One histogram of each round that has it, merged; `None` if there are no durations.
    pub fn all(&self, durations: impl Fn(&Figures) -> Option<&Durations>) -> Option<Durations> {
        let mut all = Durations::default();
        self.rounds
            .iter()
            .filter_map(|(_, figures)| durations(figures))
            .for_each(|durations| all.add(durations));
        (all.count() > 0).then_some(all)
    }
}

/// The condition, as a heading names it.
pub(crate) fn title(link: Link, condition: &Condition) -> String {
    let (up, down) = (plain(&condition.up), plain(&condition.down));
    match link {
        _ if !up.is_empty() && up == down => up,
        _ if up != down => format!("up {}, down {}", or_nothing(&up), or_nothing(&down)),
        Link::Emulated => "a link that impairs nothing".to_owned(),
        Link::Loopback => "loopback".to_owned(),
        Link::Server => "the network".to_owned(),
    }
}

/// The kind of link, as the introduction names it.
pub(crate) fn link(link: Link) -> &'static str {
    match link {
        Link::Emulated => "an emulated link",
        Link::Loopback => "loopback; nothing is impaired",
        Link::Server => "the network to a server that was running already",
    }
}

fn or_nothing(condition: &str) -> &str {
    if condition.is_empty() { "nothing impaired" } else { condition }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
