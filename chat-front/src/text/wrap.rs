//! Breaks lines before the terminal does: a line that a terminal wraps continues at the left edge, where it could look
//! like a message of another person.

use unicode_width::UnicodeWidthChar;

/// A place where a line goes on in the next one, by a [`NEW_LINE`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Break {
    /// The bytes before it.
    pub(super) at: usize,
    /// The bytes left out, which are a space or nothing.
    pub(super) skipped: usize,
}

/// The breaks that keep every line of `text` within `columns`: at spaces, between the characters of scripts without
/// them, or within words that are too long.
///
/// Terminals disagree about how wide some emoji are. This takes each as wide as any shows it, so a line may end early.
pub(super) fn breaks(text: &str, columns: usize) -> Vec<Break> {
    let columns = columns.max(LEAST_COLUMNS);
    let mut breaks = Vec::new();
    let mut column = 0;
    // The last place to break this line well, and the column after it.
    let mut good: Option<(Break, usize)> = None;
    let mut last = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\n' {
            (column, good, last) = (0, None, None);
            continue;
        }
        let here = Break { at, skipped: usize::from(c == ' ') };
        let wide = width(c, chars.peek().map(|(_, next)| *next));
        if c.width() == Some(2) && last != Some(JOINER) && column >= FAR {
            good = Some((here, column));
        }
        last = Some(c);
        if column + wide > columns {
            let (place, after) = if c == ' ' { (here, column) } else { good.unwrap_or((here, column)) };
            breaks.push(place);
            (column, good) = (INDENT + column - after, None);
            if c == ' ' {
                continue;
            }
        }
        column += wide;
        if c == ' ' && column >= FAR {
            good = Some((here, column));
        }
    }
    breaks
}

/// The most columns `c` takes before `next`.
fn width(c: char, next: Option<char>) -> usize {
    match c {
        '\u{1F1E6}'..='\u{1F1FF}' => 2, // half a flag, which not every terminal puts together
        _ if next == Some('\u{FE0F}') => 2,
        _ => c.width().unwrap_or(0),
    }
}

/// What a break is written as.
pub(super) const NEW_LINE: &str = "\n    ";

/// How far a line that goes on is indented.
const INDENT: usize = NEW_LINE.len() - 1;

/// From here on a break gains at least two columns: whatever did not fit does then.
const FAR: usize = INDENT + 2;

/// Makes one emoji of several.
const JOINER: char = '\u{200D}';

/// A narrower terminal has no room for the indent and something beside it.
const LEAST_COLUMNS: usize = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(text: &str, columns: usize) -> Vec<String> {
        let mut lines = text.to_owned();
        for Break { at, skipped } in breaks(text, columns).into_iter().rev() {
            lines.replace_range(at..at + skipped, NEW_LINE);
        }
        lines.split('\n').map(str::to_owned).collect()
    }

    #[test]
    fn a_line_is_broken_at_its_spaces_and_words_where_they_must() {
        for (text, lines) in [
            ("", &[""][..]),
            ("exactly ten", &["exactly", "    ten"]),
            ("0123456789", &["0123456789"]),
            ("0123456789 x", &["0123456789", "    x"]),
            ("0123456789abcdefg", &["0123456789", "    abcdef", "    g"]),
            ("a 0123456789", &["a 01234567", "    89"]),
            ("one two three four", &["one two", "    three", "    four"]),
            ("new\n    line of a text", &["new", "    line", "    of a", "    text"]),
            ("a          b", &["a         ", "    b"]),
            ("中文中文中文", &["中文中文中", "    文"]),
            ("x中文中文中文", &["x中文中文", "    中文"]),
            ("<ana> 中文中文中文", &["<ana> 中文", "    中文中", "    文"]),
            ("<ana> 👩\u{200d}👧", &["<ana> 👩\u{200d}👧"]),
            ("<ana> 👩\u{200d}👧x", &["<ana> ", "    👩\u{200d}👧x"]),
            ("❤️❤️❤️❤️❤️❤️", &["❤️❤️❤️❤️❤️", "    ❤️"]),
            ("🇩🇪🇩🇪🇩🇪", &["🇩🇪🇩🇪🇩", "    🇪"]),
            ("e\u{301}123456789", &["e\u{301}123456789"]),
        ] {
            assert_eq!(wrapped(text, 10), lines, "{text:?}");
        }
    }

    #[test]
    fn on_the_narrowest_terminal_it_ends() {
        assert_eq!(wrapped("中文中文中文", 0), wrapped("中文中文中文", LEAST_COLUMNS));
    }

    proptest! {
        #[test]
        fn every_line_fits_and_nothing_but_spaces_is_lost(text in "([a-c 中é🇩]|[a-e]{20}|e\u{301}|❤\u{fe0f}|👩\u{200d}👧){0,40}", columns in 10_usize..40) {
            let lines = wrapped(&text, columns);
            for line in &lines {
                let mut chars = line.chars().peekable();
                let mut total = 0;
                while let Some(c) = chars.next() {
                    total += width(c, chars.peek().copied());
                }
                prop_assert!(total <= columns, "{:?}", lines);
            }
            prop_assert!(lines.iter().skip(1).all(|line| line.starts_with("    ")));
            let letters = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
