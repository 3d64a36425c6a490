//! Escape sequences of terminals (ECMA-48): colours, links, titles and the like, as far as a text has them whole.

/// How many bytes the escape sequence at the begin of `text` has. `None` if there is none, or if it does not end as it
/// should.
pub(super) fn length(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    let (kind, begin) = match (chars.next()?, chars.next()) {
        (ESC, Some(kind)) if kind.is_ascii() => (kind, 2),
        // One character of the upper control characters stands for two.
        (c @ '\u{80}'..='\u{9f}', _) => (char::from_u32(u32::from(c) - 0x40)?, c.len_utf8()),
        _ => return None,
    };
    let rest = &text[begin..];
    let length = match kind {
        '[' => {
            let last = rest.find(|c| !matches!(c, ' '..='?'))?;
            matches!(rest.as_bytes()[last], 0x40..=0x7e).then_some(last + 1)?
        }
        // A string, for the terminal's title, for a link or the like.
        ']' | 'P' | 'X' | '^' | '_' => {
            let last = rest.find(|c: char| c.is_control())?;
            let end =
                ["\u{7}", "\u{9c}", "\u{1b}\\"].into_iter().find(|end| rest[last..].starts_with(end))?;
            last + end.len()
        }
        // Which character set is used, and what a line is like.
        '(' | ')' | '*' | '+' | '#' | '%' | ' ' => {
            rest.chars().next().filter(char::is_ascii_graphic)?.len_utf8()
        }
        '7' | '8' | '=' | '>' | 'c' | 'D' | 'E' | 'H' | 'M' | 'N' | 'O' | 'Z' | '\\' => 0,
        _ => return None,
    };
    Some(begin + length)
}

const ESC: char = '\u{1b}';
