//! Breaks text into rows by grapheme clusters. Each cluster is taken as wide as any terminal draws it, so that the
//! terminal itself never wraps or shifts anything.

use std::ops::Range;

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text in parts, each with a style.
pub(crate) type Styled = Vec<(Style, String)>;

/// `text` in lines of at most `columns`. Lines that are too long are broken, at spaces where possible.
pub(crate) fn lines(text: &Styled, columns: usize) -> Vec<Line<'static>> {
    let whole: String = text.iter().map(|(_, part)| part.as_str()).collect();
    rows(&whole, columns).into_iter().map(|row| cut(text, row)).collect()
}

/// The part of `text` in the bytes of `range`.
fn cut(text: &Styled, range: Range<usize>) -> Line<'static> {
    let mut offset = 0;
    let mut spans = Vec::new();
    for (style, part) in text {
        let (from, to) = (range.start.max(offset), range.end.min(offset + part.len()));
        if from < to {
            spans.push(Span::styled(part[from - offset..to - offset].to_owned(), *style));
        }
        offset += part.len();
    }
    Line::from(spans)
}

/// The rows of `text`, as ranges of bytes.
pub(crate) fn rows(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(1);
    let mut rows = Vec::new();
    let mut offset = 0;
    for line in text.split('\n') {
        row(line, columns, offset, &mut rows);
        offset += line.len() + 1;
    }
    rows
}

fn row(line: &str, columns: usize, offset: usize, rows: &mut Vec<Range<usize>>) {
    let (mut start, mut column) = (0, 0);
    // After the last space, and between the characters of scripts that have none.
    let mut good: Option<(usize, usize)> = None;
    for (at, cluster) in clusters(line) {
        let wide = width(cluster);
        if cluster != " " && wide >= 2 && at > start {
            good = Some((at, column));
        }
        if column + wide > columns && at > start {
            if cluster == " " {
                // A space may hang over the edge, where it is invisible.
                good = Some((at + 1, column + 1));
                column += 1;
                continue;
            }
            let (place, until) = good.take().unwrap_or((at, column));
            rows.push(offset + start..offset + line[..place].trim_end_matches(' ').len().max(start));
            (start, column) = (place, column - until);
        }
        column += wide;
        if cluster == " " {
            good = Some((at + 1, column));
        }
    }
    let end = if column > columns { line.trim_end_matches(' ').len().max(start) } else { line.len() };
    rows.push(offset + start..offset + end);
}

/// The grapheme clusters of `text`. A cluster longer than [`MAX_CLUSTER`] is split into its characters.
pub(crate) fn clusters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.grapheme_indices(true).flat_map(|(at, cluster)| {
        let (whole, apart) = match cluster.len() <= MAX_CLUSTER {
            true => (Some((at, cluster)), ""),
            false => (None, cluster),
        };
        let characters =
            apart.char_indices().map(move |(inner, c)| (at + inner, &apart[inner..inner + c.len_utf8()]));
        whole.into_iter().chain(characters)
    })
}

/// The largest width of `cluster` on any terminal: some join emoji sequences and some do not.
pub(crate) fn width(cluster: &str) -> usize {
    let apart: usize =
        cluster.chars().map(|c| if is_half_a_flag(c) { 2 } else { c.width().unwrap_or(0) }).sum();
    apart.max(cluster.width())
}

/// The largest width of `text` on any terminal.
pub(crate) fn text_width(text: &str) -> usize {
    clusters(text).map(|(_, cluster)| width(cluster)).sum()
}

/// `text` cut to at most `columns`; `…` marks the cut.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    if text_width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut left = columns.saturating_sub(1);
    for (_, cluster) in clusters(text) {
        let wide = width(cluster);
        if wide > left {
            break;
        }
        left -= wide;
        kept.push_str(cluster);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

fn is_half_a_flag(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

/// The longest cluster in bytes that is kept whole: a family of four with skins, or a letter with its marks.
const MAX_CLUSTER: usize = 48;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flown(text: &str, columns: usize) -> Vec<&str> {
        rows(text, columns).into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_between_wide_characters() {
        for (text, lines) in [
            ("", &[""][..]),
            ("0123456789", &["0123456789"]),
            ("one two three", &["one two", "three"]),
            ("0123456789 x", &["0123456789", "x"]),
            ("0123456789ab", &["0123456789", "ab"]),
            ("one 0123456789ab", &["one", "0123456789", "ab"]),
            ("a\n\nb", &["a", "", "b"]),
            ("中文中文中文", &["中文中文中", "文"]),
            ("x中文中文中文", &["x中文中文", "中文"]),
            ("ab 👩\u{200d}👧\u{200d}👧x", &["ab 👩\u{200d}👧\u{200d}👧x"]),
            ("abcde 👩\u{200d}👧\u{200d}👧", &["abcde", "👩\u{200d}👧\u{200d}👧"]),
            ("e\u{301}e\u{301}e\u{301}456789ab", &["e\u{301}e\u{301}e\u{301}456789a", "b"]),
            ("  indented", &["  indented"]),
        ] {
            assert_eq!(flown(text, 10), lines, "{text:?}");
        }
    }

    #[test]
    fn styles_stay_with_their_words() {
        let (plain, bold) = (Style::new(), Style::new().bold());
        let text =
            vec![(plain, "one ".to_owned()), (bold, "two three".to_owned()), (plain, " four".to_owned())];
        let drawn = lines(&text, 8);
        assert_eq!(drawn.len(), 3);
        assert_eq!(drawn[0], Line::from(vec![Span::raw("one "), Span::styled("two", bold)]));
        assert_eq!(drawn[1], Line::from(vec![Span::styled("three", bold)]));
        assert_eq!(drawn[2], Line::from(vec![Span::raw("four")]));
    }

    #[test]
    fn a_cluster_without_end_is_taken_apart() {
        let chain = format!("👩{}", "\u{200d}👩".repeat(5_000));
        assert_eq!(text_width(&chain), 10_002);
        assert!(flown(&chain, 80).iter().all(|row| text_width(row) <= 80));
    }

    #[test]
    fn what_is_left_out_is_marked() {
        assert_eq!(shortened("lobby", 5), "lobby");
        assert_eq!(shortened("lobby", 4), "lob…");
        assert_eq!(shortened("中文中文", 4), "中…");
        assert_eq!(shortened("x", 0), "");
    }

    proptest! {
        #[test]
        fn every_row_fits_and_nothing_but_spaces_is_lost(text in "([a-c 中é🇩\n]|[a-e]{20}|e\u{301}|❤\u{fe0f}|👩\u{200d}👧){0,40}", columns in 5_usize..40) {
            let lines = flown(&text, columns);
            for line in &lines {
                prop_assert!(text_width(line) <= columns, "{line:?} of {text:?}");
            }
            let letters = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
