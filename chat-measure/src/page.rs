//! A comparison as one HTML page, which needs nothing else: no script, no font, nothing from anywhere.

mod bars;
mod curves;
mod paint;
mod sections;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use maud::{DOCTYPE, PreEscaped, html};

use crate::{
    Report,
    human::{list, of as noun, plain},
    summary::{link, title},
    verdict,
};

/// The whole comparison as a page: in words, as tables and as pictures. It is light or dark as its reader's system is, and
/// fits a telephone.
pub fn page(report: &Report) -> String {
    let names: Vec<_> = report.contestants.iter().map(|it| plain(&it.name)).collect();
    let conditions = 0..report.conditions.len();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(ALLOWED);
                meta name="color-scheme" content="light dark";
                title { (plain(&report.scenario)) ": " (list(&names)) }
                style { (PreEscaped(STYLE)) (PreEscaped(paint::style(names.len()))) }
            }
            body {
                main {
                    header {
                        h1 { (list(&names)) }
                        p { (plain(&report.scenario)) ": " (plain(&report.conversation)) ", over " (link(report.link)) "." }
                        p.how { (how(report)) }
                        @if report.interrupted {
                            p.how { strong { "Interrupted before all was measured." } }
                        }
                    }
                    section aria-labelledby="verdict" {
                        h2 id="verdict" { "In words" }
                        @for condition in conditions.clone() {
                            h3 { a href={ "#condition-" (condition) } { (title(report.link, &report.conditions[condition])) } }
                            ul { @for sentence in verdict(report, condition) { li { (sentence) } } }
                        }
                    }
                    @for condition in conditions { (sections::condition(report, condition)) }
                    (sections::settings(report))
                }
            }
        }
    };
    page.into_string()
}

/// How often, when, and by what.
fn how(report: &Report) -> String {
    let began = i64::try_from(report.began).ok().and_then(|it| Timestamp::from_millisecond(it).ok());
    let began = began.map(|it| format!(" on {}", it.strftime("%Y-%m-%d at %H:%M UTC"))).unwrap_or_default();
    let rounds = noun(report.repetitions, "round", "rounds");
    let confidence = if report.repetitions > 1 { " ± is half of the 95 % confidence interval." } else { "" };
    let (times, seed, by) = (report.repetitions, report.seed, plain(&report.software));
    format!("{times} {rounds} of each, with seed {seed}, measured by {by}{began}.{confidence}")
}

/// Browsers fetch nothing for it and run nothing in it, whatever got into it.
const ALLOWED: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("page/style.css");
