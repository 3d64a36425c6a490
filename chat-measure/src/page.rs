//! A comparison as a self-contained HTML page, without scripts, fonts or other resources.

mod bars;
mod curves;
mod paint;
mod sections;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use maud::{DOCTYPE, PreEscaped, html};

use crate::{
    human::{list, of as noun, plain},
    report::Report,
    summary::{link, title},
    verdict::verdict,
};

/// The comparison as a page with sentences, tables and plots. The page follows the reader's light or dark mode, and fits a
/// telephone.
pub fn page(report: &Report) -> String {
    let names: Vec<_> = report.contestants.iter().map(|contestant| plain(&contestant.name)).collect();
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
                            p.how { strong { "Interrupted before all rounds were measured." } }
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

/// How many rounds were measured, when, and by which program.
fn how(report: &Report) -> String {
    let began = i64::try_from(report.began).ok().and_then(|it| Timestamp::from_millisecond(it).ok());
    let began = began.map(|it| format!(" on {}", it.strftime("%Y-%m-%d at %H:%M UTC"))).unwrap_or_default();
    let rounds = noun(report.repetitions, "round", "rounds");
    let confidence = if report.repetitions > 1 { " ± is half of the 95 % confidence interval." } else { "" };
    let (times, seed, by) = (report.repetitions, report.seed, plain(&report.software));
    format!("{times} {rounds} of each, with seed {seed}, measured by {by}{began}.{confidence}")
}

/// The policy of the page: a browser loads nothing for it and runs no script in it, whatever text it contains.
const ALLOWED: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("page/style.css");
