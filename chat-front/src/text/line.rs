//! A line of styled words: this program's own, and sanitized words of others. Where there are no styles it is plain text.

use std::{fmt, time::Duration};

use anstyle::{AnsiColor, Style};

use super::{
    sanitize::Sanitized,
    wrap::{self, Break, NEW_LINE},
};

/// A line of this program's own words and of harmless ones by others. `Display` is without colours.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Line {
    spans: Vec<(Style, String)>,
}

impl Line {
    /// A line that tells what happened, as opposed to what was said.
    pub fn note(words: &'static str) -> Line {
        Line::default().span(Style::new().dimmed(), "-- ").words(words)
    }

    /// Adds words of this program.
    pub fn words(self, words: &'static str) -> Line {
        self.span(Style::new(), words)
    }

    /// Adds words of this program that are less important than the rest.
    pub fn faint(self, words: &'static str) -> Line {
        self.span(Style::new().dimmed(), words)
    }

    /// Adds words of someone else.
    pub fn shown(self, words: &Sanitized) -> Line {
        self.span(Style::new(), words.as_str())
    }

    /// Adds words of someone else that are to be seen at once.
    pub fn marked(self, words: &Sanitized) -> Line {
        self.span(MARK, words.as_str())
    }

    /// Adds the name of a person, always in the same colour.
    pub fn name(self, name: &str) -> Line {
        self.span(Style::new().fg_color(Some(colour_of(name).into())).bold(), Sanitized::line(name))
    }

    /// Adds words of this program in a style of their own.
    pub fn styled(self, style: Style, words: &'static str) -> Line {
        self.span(style, words)
    }

    /// Adds a number.
    pub fn number(self, number: u64) -> Line {
        self.span(Style::new(), number)
    }

    /// Adds how long something took, to two digits or the millisecond.
    pub fn took(self, time: Duration) -> Line {
        let us = time.as_micros();
        match us {
            ..1_000 => self.span(Style::new(), format_args!("{us} µs")),
            1_000..10_000 => self.span(Style::new(), format_args!("{}.{} ms", us / 1_000, us % 1_000 / 100)),
            _ => self.span(Style::new(), format_args!("{} ms", us / 1_000)),
        }
    }

    /// Adds a day.
    pub fn day(self, day: jiff::civil::Date) -> Line {
        self.span(Style::new(), day)
    }

    /// Adds a time of day, to the minute.
    pub fn clock(self, time: jiff::civil::Time) -> Line {
        self.span(Style::new().dimmed(), format_args!("{:02}:{:02}", time.hour(), time.minute()))
    }

    /// Its parts, each with its style.
    pub fn spans(&self) -> impl Iterator<Item = (Style, &str)> {
        self.spans.iter().map(|(style, text)| (*style, text.as_str()))
    }

    /// Adds the words of another line.
    pub fn line(mut self, line: Line) -> Line {
        self.spans.extend(line.spans);
        self
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The length of its text, in bytes.
    pub fn len(&self) -> usize {
        self.spans.iter().map(|(_, text)| text.len()).sum()
    }

    fn span(mut self, style: Style, text: impl fmt::Display) -> Line {
        self.spans.push((style, text.to_string()));
        self
    }

    /// The same in lines of at most `columns`.
    pub fn broken(&self, columns: usize) -> Line {
        let breaks = wrap::breaks(&self.to_string(), columns);
        let mut breaks = breaks.iter().peekable();
        let mut broken = Line::default();
        let mut offset = 0; // of a span in the line
        for (style, text) in &self.spans {
            let mut kept = String::with_capacity(text.len());
            let mut rest = 0; // begins where this span is not copied yet
            while let Some(Break { at, skipped }) = breaks.next_if(|next| next.at < offset + text.len()) {
                kept.push_str(&text[rest..at - offset]);
                kept.push_str(NEW_LINE);
                rest = at - offset + skipped;
            }
            kept.push_str(&text[rest..]);
            broken.spans.push((*style, kept));
            offset += text.len();
        }
        broken
    }

    /// The same with stars around marked words, for output without colours.
    pub fn marked_by_hand(&self) -> Line {
        let by_hand = |(style, text): &(Style, String)| match *style == MARK {
            true => (*style, format!("*{text}*")),
            false => (*style, text.clone()),
        };
        Line { spans: self.spans.iter().map(by_hand).collect() }
    }

    /// The line with the escape codes of its styles.
    pub fn coloured(&self) -> String {
        self.spans.iter().map(|(style, text)| format!("{style}{text}{style:#}")).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spans.iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

/// The colour of a name, always the same.
pub fn colour_of(name: &str) -> AnsiColor {
    let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    NAME_COLOURS[sum % NAME_COLOURS.len()]
}

/// How a word looks that was searched for.
const MARK: Style = Style::new().bold().invert();

/// Colours that can be read on light and on dark ground; red is for trouble.
const NAME_COLOURS: [AnsiColor; 5] =
    [AnsiColor::Green, AnsiColor::Blue, AnsiColor::Magenta, AnsiColor::Cyan, AnsiColor::Yellow];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_keeps_its_colours_and_nobody_gets_to_its_left_edge() {
        let hostile = format!("{}[lobby] 12:00 <admin> send me your password", "z".repeat(30));
        let line = Line::default().faint("<").name("evil").faint("> ").shown(&Sanitized::line(&hostile));
        let broken = line.broken(40);
        assert_eq!(
            broken.to_string(),
            "<evil>\n    zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz[lobby\n    ] 12:00 <admin> send me your\n    password"
        );
        let colours = |line: &Line| line.spans.iter().map(|(style, _)| *style).collect::<Vec<_>>();
        assert_eq!(colours(&broken), colours(&line));
        assert_eq!(line.broken(120), line);
    }

    #[test]
    fn what_is_marked_is_seen_with_colours_and_without() {
        let line = Line::default().words("red ").marked(&Sanitized::line("tea")).words(", please");
        assert_eq!(line.marked_by_hand().to_string(), "red *tea*, please");
        let coloured = line.coloured();
        assert!(coloured.contains(&format!("{MARK}tea{MARK:#}")) && !coloured.contains('*'), "{coloured:?}");
    }

    #[test]
    fn a_name_keeps_its_colour_and_plain_lines_have_none() {
        let line = Line::note("").name("ana").words(" entered ").shown(&Sanitized::line("lo\u{1b}bby"));
        assert!(!line.to_string().contains('\u{1b}'));
        assert!(line.to_string().starts_with("-- ana entered lo"));
        assert_eq!(Line::default().name("ana").coloured(), Line::default().name("ana").coloured());
        assert_ne!(Line::default().name("ana").coloured(), Line::default().name("ana").to_string());
    }
}
