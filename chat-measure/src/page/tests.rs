//! The page is complete and escapes foreign text, and plots exist for the figures that there are. `tests/page.rs` loads it
//! in a browser.

use super::*;
use crate::{
    figures::Figures,
    report::{Report, Setting},
    sample,
};

#[test]
fn it_loads_nothing() {
    let page = page(&sample::report(3));
    for foreign in
        ["http:", "https:", "src=", "url(", "@import", "<script", "<link", "<iframe", "javascript:"]
    {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let links: Vec<_> = page.split("href=\"").skip(1).map(|it| &it[..1]).collect();
    assert!(
        !links.is_empty() && links.iter().all(|it| *it == "#"),
        "they lead to the page itself: {links:?}"
    );
}

#[test]
fn foreign_text_is_escaped() {
    let hostile = "<img src=x onerror=alert(1)>\"'&";
    let mut report = sample::report(3);
    report.software = hostile.into();
    report.scenario = hostile.into();
    report.conversation = hostile.into();
    report.settings.push(Setting { name: hostile.into(), value: hostile.into() });
    report.contestants[0].name = hostile.into();
    report.contestants[0].scheme = hostile.into();
    report.contestants[0].settings.push(Setting { name: hostile.into(), value: hostile.into() });
    report.conditions[0].up = hostile.into();
    report.rounds[0].outcome = Err(hostile.into());
    let page = page(&report);
    assert!(!page.contains("<img") && !page.contains("<b>off"), "nothing of it is a tag");
    for attribute in page.split("=\"").skip(1) {
        let value = attribute.split('"').next().unwrap_or_default();
        assert!(!value.contains('<'), "no attribute ends where it should not: {value}");
    }
    assert!(page.matches("&lt;img").count() > 20, "it is shown");
}

#[test]
fn every_condition_has_its_words_its_table_and_its_plots() {
    let report = sample::report(3);
    let page = page(&report);
    assert_eq!(page.matches("<svg role=\"img\"").count(), 4 * report.conditions.len());
    assert_eq!(page.matches("<thead>").count(), report.conditions.len());
    for condition in 0..report.conditions.len() {
        for sentence in verdict(&report, condition) {
            let escaped = maud::html! { (sentence) }.into_string();
            assert!(page.contains(&escaped), "{sentence}");
        }
    }
    for said in ["2026-09-21 at 14:13 UTC", "with seed 3", "Linux 6.12.0", "congestion control cubic"] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn figures_that_are_not_known_have_no_plot() {
    let mut report = sample::report(3);
    let plots = |report: &Report| page(report).matches("<svg role=\"img\"").count();
    let mut each = |change: fn(&mut Figures)| {
        report.rounds.iter_mut().filter_map(|it| it.outcome.as_mut().ok()).for_each(change);
        plots(&report)
    };
    assert_eq!(each(|it| it.wire = None), 9, "without the wire");
    assert_eq!(each(|it| it.over_time.clear()), 6, "and without time slots");
    assert_eq!(
        each(|it| (it.delivered, it.latency) = (0, Default::default())),
        3,
        "and with nothing delivered"
    );
    assert_eq!(each(|it| it.expected = 0), 0, "and nothing to deliver");
    report.rounds.clear();
    report.interrupted = true;
    assert!(page(&report).contains("Interrupted before all rounds were measured."));
    assert!(page(&sample::empty()).contains("meeting"));
}

#[test]
fn thirty_contestants_can_be_told_apart() {
    let colours: std::collections::BTreeSet<_> = (0..30).map(|it| paint::hex(paint::colour(it))).collect();
    assert_eq!(colours.len(), 30, "{colours:?}");
    let style = paint::style(30);
    let dashes = |contestant: usize| {
        let rule = format!("polyline[stroke=\"{}\"]", paint::hex(paint::colour(contestant)));
        style.lines().find(|it| it.starts_with(&rule)).unwrap().split_once('{').unwrap().1.to_owned()
    };
    assert!(
        (0..24).all(|it| dashes(it) != dashes(it + 6)),
        "contestants with nearly the same colour have different dashes"
    );
}
