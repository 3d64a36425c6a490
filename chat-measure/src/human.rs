//! Formats numbers, durations and lists for people to read.

/// A duration with two significant digits, such as `0.21 ms`, `14 ms`, `1.9 s`.
pub(crate) fn duration(micros: f64) -> String {
    let millis = rounded(micros / 1000.0, 2);
    if millis >= 1000.0 {
        format!("{} s", digits(millis / 1000.0, 2))
    } else {
        format!("{} ms", digits(millis, 2))
    }
}

/// A share from 0 to 1 in percent. Only a share of 0 is `0 %` and only a share of 1 is `100 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", percentage(share))
}

/// A share in percent without the percent sign.
pub(crate) fn percentage(share: f64) -> String {
    let (percent, missing) = (share * 100.0, (1.0 - share) * 100.0);
    if percent <= 0.0 {
        "0".to_owned()
    } else if missing == 0.0 {
        "100".to_owned()
    } else if percent < 0.001 {
        "<0.001".to_owned()
    } else if missing > 0.0 && missing < 0.001 {
        ">99.999".to_owned()
    } else if missing > 0.0 && missing < 10.0 {
        // Close to 100 % the missing share decides the number of digits.
        let missing = rounded(missing, 2);
        trimmed(format!("{:.*}", places(missing, 2), 100.0 - missing))
    } else {
        digits(percent, 2)
    }
}

/// A number with `significant` digits (but never fewer than stand before the point), and its uncertainty to the same
/// decimal place.
pub(crate) fn measured(number: f64, plus_minus: Option<f64>, significant: i32) -> (String, Option<String>) {
    let places = places(rounded(number, significant), significant);
    let plus_minus = plus_minus.map(|uncertainty| format!("{uncertainty:.places$}"));
    (format!("{number:.places$}"), plus_minus.map(|text| if is_zero(&text) { "0".to_owned() } else { text }))
}

fn is_zero(number: &str) -> bool {
    number.chars().all(|c| matches!(c, '0' | '.'))
}

/// A number with `significant` digits, but never fewer than stand before the point, and without trailing zeros.
pub(crate) fn digits(number: f64, significant: i32) -> String {
    let number = rounded(number, significant);
    trimmed(format!("{:.*}", places(number, significant), number))
}

/// A count. Only a mean below 10 has a fraction.
pub(crate) fn count(number: f64) -> String {
    if number < 10.0 { digits(number, 2) } else { format!("{number:.0}") }
}

/// The singular or the plural of a noun.
pub(crate) fn of<'a>(number: usize, one: &'a str, more: &'a str) -> &'a str {
    if number == 1 { one } else { more }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
    let mut all = String::new();
    for (index, item) in items.iter().enumerate() {
        let before = if index == 0 {
            ""
        } else if index + 1 == items.len() {
            " and "
        } else {
            ", "
        };
        all.push_str(before);
        all.push_str(item.as_ref());
    }
    all
}

/// Foreign text on one line, without control characters that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    let seen = |c: char| if c.is_control() || is_format(c) { ' ' } else { c };
    let words = text.chars().map(seen).collect::<String>();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the character changes the direction of the text after it.
fn is_format(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A sentence with a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    first.chain(chars).chain(end.chars()).collect()
}

fn rounded(number: f64, significant: i32) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let unit = 10f64.powi(number.abs().log10().floor() as i32 + 1 - significant);
    (number / unit).round() * unit
}

/// How many decimal places a number needs to have `significant` digits.
fn places(number: f64, significant: i32) -> usize {
    if number == 0.0 {
        return 0;
    }
    // The factor corrects a number that was rounded to 10 and is stored a little below.
    let before = (number.abs() * (1.0 + 1e-9)).log10().floor() as i32 + 1;
    usize::try_from(significant - before).unwrap_or(0)
}

fn trimmed(number: String) -> String {
    if !number.contains('.') {
        return number;
    }
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_digits_and_a_unit_that_fits() {
        for (micros, said) in [
            (0.0, "0 ms"),
            (1.0, "0.001 ms"),
            (213.0, "0.21 ms"),
            (999.9, "1 ms"),
            (9_512.0, "9.5 ms"),
            (9_960.0, "10 ms"),
            (14_200.0, "14 ms"),
            (213_000.0, "210 ms"),
            (994_000.0, "990 ms"),
            (996_000.0, "1 s"),
            (1_930_000.0, "1.9 s"),
            (3_600_000_000.0, "3600 s"),
        ] {
            assert_eq!(duration(micros), said, "{micros} µs");
        }
    }

    #[test]
    fn only_zero_is_0_percent_and_only_one_is_100_percent() {
        for (share, said) in [
            (0.0, "0 %"),
            (0.000_000_1, "<0.001 %"),
            (0.000_4, "0.04 %"),
            (0.021, "2.1 %"),
            (0.5, "50 %"),
            (0.979, "97.9 %"),
            (0.99, "99 %"),
            (0.999_6, "99.96 %"),
            (0.999_999_9, ">99.999 %"),
            (1.0, "100 %"),
            (1.5, "150 %"),
        ] {
            assert_eq!(percent(share), said, "{share}");
        }
    }

    #[test]
    fn lists_and_sentences_read_as_written_by_a_person() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(sentence("at last"), "At last.");
        assert_eq!(sentence("why?"), "Why?");
        assert_eq!(plain("a\x1b[31m\n b\u{202E}c"), "a [31m b c");
        assert_eq!(measured(29.46, Some(3.02), 3), ("29.5".into(), Some("3.0".into())));
        assert_eq!(measured(0.53, Some(0.0001), 3), ("0.530".into(), Some("0".into())));
        assert_eq!(measured(2087.4, Some(46.4), 3), ("2087".into(), Some("46".into())));
        assert_eq!((count(0.5), count(41.4), count(0.0)), ("0.5".into(), "41".into(), "0".into()));
    }
}
