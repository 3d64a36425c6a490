//! What all repetitions of a contestant under a condition say together.

use crate::{
    Condition, Contestant, Durations, Figures, Link, Report,
    estimate::{Estimate, NORMAL},
    human::plain,
};

/// One contestant under one condition.
pub(crate) struct Summary<'a> {
    pub contestant: &'a Contestant,
    /// Its name, as it can be shown.
    pub name: String,
    /// The repetitions that came to something, and what.
    pub rounds: Vec<(usize, &'a Figures)>,
    /// Why the others did not.
    pub failures: Vec<&'a str>,
    /// Of all deliveries.
    pub latency: Durations,
    pub expected: u64,
    pub delivered: u64,
    pub duplicated: u64,
    pub reordered: u64,
}

impl<'a> Summary<'a> {
    /// All contestants under a condition, in their order.
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
        let these = |it: &&crate::Round| it.condition == condition && it.contestant == index;
        for round in report.rounds.iter().filter(these) {
            match &round.outcome {
                Ok(figures) => summary.take_in(round.repetition, figures),
                Err(why) => summary.failures.push(why),
            }
        }
        summary.rounds.sort_by_key(|(repetition, _)| *repetition);
        summary
    }

    fn take_in(&mut self, repetition: usize, figures: &'a Figures) {
        self.latency.add(&figures.latency);
        self.expected += figures.expected;
        self.delivered += figures.delivered;
        self.duplicated += figures.duplicated;
        self.reordered += figures.reordered;
        self.rounds.push((repetition, figures));
    }

    /// How many rounds there were.
    pub fn heard(&self) -> usize {
        self.rounds.len() + self.failures.len()
    }

    /// Deliveries that never came.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }

    /// Whether all that was to be delivered was, in every round.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.expected > 0 && self.lost() == 0
    }

    /// The share of what was expected that never came; nothing where nothing was expected.
    pub fn share_lost(&self) -> Option<f64> {
        share(self.lost(), self.expected)
    }

    /// The share of what was expected that came; nothing where nothing was expected.
    pub fn share_delivered(&self) -> Option<f64> {
        share(self.expected - self.lost(), self.expected)
    }

    /// The share of what came that came again.
    pub fn share_duplicated(&self) -> Option<f64> {
        share(self.duplicated, self.delivered)
    }

    /// The share of what came that came out of order.
    pub fn share_reordered(&self) -> Option<f64> {
        share(self.reordered, self.delivered)
    }

    /// A figure of each round that has it, over these rounds.
    pub fn each(&self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<Estimate> {
        Estimate::of(&self.rounds.iter().filter_map(|(_, it)| figure(it)).collect::<Vec<_>>())
    }

    /// A percentile of the latency, in microseconds: of all deliveries of all rounds, and how far those of single
    /// rounds say that it may be off.
    pub fn percentile(&self, quantile: f64) -> Option<Estimate> {
        let of_rounds = self.each(|it| it.latency.quantile(quantile).map(|it| it as f64))?;
        let value = self.latency.quantile(quantile)? as f64;
        Some(Estimate { value, plus_minus: of_rounds.plus_minus })
    }

    /// Where a percentile of the latency may be, judged by nothing but how many deliveries there were.
    pub fn percentile_within(&self, quantile: f64) -> Option<(u64, u64)> {
        let count = self.latency.count() as f64;
        let width = NORMAL * (quantile * (1.0 - quantile) / count).sqrt();
        let at = |it: f64| self.latency.quantile(it.clamp(0.0, 1.0));
        Some((at(quantile - width)?, at(quantile + width)?))
    }

    /// A kind of durations, of all rounds that have it.
    pub fn all(&self, durations: impl Fn(&Figures) -> Option<&Durations>) -> Option<Durations> {
        let mut all = Durations::default();
        self.rounds.iter().filter_map(|(_, it)| durations(it)).for_each(|it| all.add(it));
        (all.count() > 0).then_some(all)
    }
}

/// The condition in a heading.
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

/// What is between people and server.
pub(crate) fn link(link: Link) -> &'static str {
    match link {
        Link::Emulated => "an emulated link",
        Link::Loopback => "loopback; nothing is impaired",
        Link::Server => "the network to a server that was there",
    }
}

fn or_nothing(way: &str) -> &str {
    if way.is_empty() { "nothing impaired" } else { way }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
