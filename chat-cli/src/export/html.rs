//! An export as one page that needs nothing else: no script, no picture, no other file.

use chat_core::wire::{Author, EntryFrame, EntryKind, Gap};
use chat_front::text::{Sanitized, entry::time};
use jiff::{Zoned, civil::Date, tz::TimeZone};

use super::{Form, lines::words};

/// A page, with days and who speaks as headings.
pub(super) struct Html {
    room: String,
    now: Zoned,
    zone: TimeZone,
    day: Option<Date>,
    /// The author of the last message, unless something else came after it.
    speaker: Option<Author>,
    count: u64,
}

impl Html {
    /// The page for `room`, written at `now`; times are shown as in its zone.
    pub(super) fn new(room: &str, now: Zoned) -> Html {
        let zone = now.time_zone().clone();
        Html { room: escape(room), now, zone, day: None, speaker: None, count: 0 }
    }
}

impl Form for Html {
    fn begin(&mut self) -> String {
        let room = &self.room;
        format!(
            "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{room}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{room}</h1>\n"
        )
    }

    fn entry(&mut self, entry: &EntryFrame) -> String {
        if !entry.body.is_shown() {
            return String::new();
        }
        let at = time(entry.at).to_zoned(self.zone.clone());
        let mut html = String::new();
        if self.day.replace(at.date()) != Some(at.date()) {
            self.speaker = None;
            html.push_str(&format!("<h2>{}</h2>\n", at.date()));
        }
        self.count += 1;
        let clock = format!("<time datetime=\"{}\">{}</time>", at.timestamp(), at.strftime("%H:%M"));
        let (seq, from, text) = (entry.seq, escape(&entry.author.name), escape(&entry.body.text));
        if entry.body.kind == EntryKind::Topic {
            self.speaker = None;
            let words = if text.is_empty() { "took away the topic" } else { "set the topic: " };
            let topic = format!("<bdi>{from}</bdi> {words}<bdi>{text}</bdi>");
            return html + &format!("<p class=\"note\" id=\"m{seq}\">{clock} {topic}</p>\n");
        }
        let speaker = entry.author.clone();
        if self.speaker.as_ref() != Some(&speaker) {
            self.speaker = Some(speaker);
            let mark = if entry.author.bot { " <small>bot</small>" } else { "" };
            html.push_str(&format!("<h3><bdi>{from}</bdi>{mark}</h3>\n"));
        }
        html + &format!("<div id=\"m{seq}\">{clock}<p dir=\"auto\">{text}</p></div>\n")
    }

    fn gap(&mut self, gap: &Gap) -> String {
        self.speaker = None;
        format!("<p class=\"note\">{}</p>\n", words(gap))
    }

    fn end(&mut self) -> String {
        let entries = if self.count == 1 { "entry" } else { "entries" };
        let at = self.now.strftime("%Y-%m-%d %H:%M");
        format!("<p class=\"note\">{} {entries}, exported {at}</p>\n</body>\n</html>\n", self.count)
    }
}

/// `text` escaped for an HTML element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in Sanitized::lines(text).as_str().chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

const STYLE: &str = "\
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1rem; margin: 2rem 0 0; border-bottom: 1px solid; opacity: .7; }
h3 { font-size: 1rem; margin: 1rem 0 0; }
div { display: flex; gap: 1rem; }
p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0; }
time, .note { opacity: .7; font-variant-numeric: tabular-nums; }
.note { margin: 1rem 0 0; }
";
