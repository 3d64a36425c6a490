//! Words, by table and by property: what is found is what a reader of the rules would find.

use proptest::{prelude::*, sample::select};

use super::*;

fn query(typed: &str) -> Query {
    Query::parse(typed).unwrap()
}

/// The text with what is marked in brackets.
fn marked(typed: &str, text: &str) -> String {
    let mut shown = text.to_owned();
    for mark in query(typed).marks(text).into_iter().rev() {
        shown.insert(mark.end, ']');
        shown.insert(mark.start, '[');
    }
    shown
}

#[test]
fn a_text_is_cut_into_words_and_neighbours() {
    let table: [(&str, &[&str]); 14] = [
        ("", &[]),
        ("Hello, World-2!", &["hello", "world", "2"]),
        ("Élan Ångström ΟΔΟΣ İ", &["elan", "angstrom", "οδοσ", "i"]),
        ("e\u{301}lan", &["elan"]),
        ("\u{301}x", &["x"]),
        ("ﬁne ｆｕｌｌ x²", &["fine", "full", "x2"]),
        ("中文", &["中文", "文"]),
        ("中", &["中"]),
        ("我说中文，2026年 ok", &["我说", "说中", "中文", "文", "2026", "年", "ok"]),
        ("カタカナ", &["カタ", "タカ", "カナ", "ナ"]),
        ("ｶﾞ ガ", &["カ\u{3099}", "\u{3099}", "カ\u{3099}", "\u{3099}"]),
        ("हिन्दी", &["हिन्दी"]),
        ("می\u{200c}خواهم שָׁלוֹם", &["میخواهم", "שלום"]),
        (" … \u{2028}— \u{FE0F}", &[]),
    ];
    for (text, expected) in table {
        assert_eq!(tokens(text), expected, "{text:?}");
    }
    assert_eq!(tokens("한국"), tokens("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"));
    assert_eq!(tokens("ไทย").len(), 3);
}

#[test]
fn all_words_must_be_there_in_any_order_and_beginnings_do() {
    let text = "The Café opens at nine; 我们在北京见面。";
    for found in [
        "cafe",
        "CAFÉ nine",
        "nine the",
        "op",
        "北京",
        "京见",
        "见面",
        "我",
        "面",
        "在北京见",
        "cafe!! 北京",
        "北京open",
    ] {
        assert!(query(found).matches(text), "{found}");
    }
    for missed in ["cafes", "afe", "nine ten", "北见", "面我", "京北", "京x"] {
        assert!(!query(missed).matches(text), "{missed}");
    }
    assert!(!query("中文").matches("中 文"));
    assert!(!query("中文").matches("中x文"));
    assert!(query("한").matches("한국어"));
    assert!(!query("국").matches("한국어"));
}

#[test]
fn what_is_found_is_marked_where_it_stands() {
    assert_eq!(marked("caf open", "Cafe\u{301}s are open, Opening"), "[Cafe\u{301}s] are [open], [Opening]");
    assert_eq!(marked("文中", "中文中文"), "中[文中]文");
    assert_eq!(marked("中文", "中文中文中"), "[中文中文]中");
    assert_eq!(marked("中", "中文x中"), "[中]文x[中]");
    assert_eq!(marked("1", "1 ½ a"), "[1] [½] a");
    assert_eq!(marked("nothing", "here"), "here");
}

#[test]
fn a_query_has_words_and_bounds() {
    assert_eq!(Query::parse("  … —"), Err(QueryError::Empty));
    assert_eq!(Query::parse(&"x".repeat(257)), Err(QueryError::TooLong { bytes: 257 }));
    assert!(Query::parse(&"x".repeat(256)).is_ok());
    let many: Vec<String> = (0..17).map(|it| it.to_string()).collect();
    assert_eq!(Query::parse(&many.join(" ")), Err(QueryError::TooMany { words: 17 }));
    assert!(Query::parse(&many[1..].join(" ")).is_ok());
    assert_eq!(query("a A á").terms(), [Term::Prefix("a".into())]);
    assert_eq!(
        query("中文字 x").terms(),
        [Term::Phrase(vec!["中文".into(), "文字".into()]), Term::Prefix("x".into())]
    );
}

/// Of an alphabet so small that something is found: each with what the rules make of it.
const ALPHABET: [(&str, &str); 16] = [
    ("a", "a"),
    ("A", "a"),
    ("á", "a"),
    ("a\u{30a}", "a"),
    ("b", "b"),
    ("ﬀ", "ff"),
    ("7", "7"),
    ("ж", "ж"),
    ("中", "中"),
    ("文", "文"),
    ("か", "か"),
    ("\u{ad}", ""),
    (" ", " "),
    (" ", " "),
    ("…", "..."),
    ("🎉", "🎉"),
];

/// The folded text, cut where a word or a row ends.
fn naive(parts: &[(&str, &str)]) -> Vec<String> {
    let is_unit = |c: char| "中文か🎉".contains(c);
    let folded: String = parts.iter().map(|it| it.1).collect();
    let mut rows: Vec<String> = vec![String::new()];
    for c in folded.chars() {
        let last = rows.last_mut().unwrap();
        match last.chars().last() {
            _ if " .".contains(c) => rows.push(String::new()),
            Some(before) if is_unit(before) != is_unit(c) => rows.push(c.into()),
            _ => last.push(c),
        }
    }
    rows.retain(|it| !it.is_empty());
    rows
}

proptest! {
    #[test]
    fn what_matches_is_what_the_rules_say(
        text in prop::collection::vec(select(&ALPHABET[..]), 0..24),
        typed in prop::collection::vec(select(&ALPHABET[..]), 0..5),
    ) {
        let joined = |parts: &[(&str, &str)]| parts.iter().map(|it| it.0).collect::<String>();
        let (shown, asked) = (joined(&text), joined(&typed));
        let (rows, wanted) = (naive(&text), naive(&typed));
        let Ok(query) = Query::parse(&asked) else {
            prop_assert!(wanted.is_empty());
            return Ok(());
        };
        let is_row = |it: &str| it.chars().any(|c| "中文か🎉".contains(c));
        let expected = wanted.iter().all(|want| rows.iter().any(|row| match is_row(want) {
            true => row.contains(want.as_str()),
            false => row.starts_with(want.as_str()),
        }));
        prop_assert_eq!(query.matches(&shown), expected, "{:?} in {:?}", asked, shown);
        if expected {
            prop_assert!(!query.marks(&shown).is_empty());
        }
    }

    #[test]
    fn whatever_is_written_can_be_cut_and_marked(text in any::<String>(), typed in any::<String>(), at in any::<prop::sample::Index>()) {
        for token in tokens(&text) {
            prop_assert!(!token.is_empty());
            prop_assert!(!token.chars().any(|c| c.is_whitespace() || c.is_control()));
            prop_assert!(token.chars().filter(char::is_ascii).all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
            let again = tokens(&token);
            prop_assert_eq!(again.first(), Some(&token), "folded again it is the same");
        }
        // What was typed, and something that is there.
        let words: Vec<&str> = text.split_whitespace().collect();
        let word = if words.is_empty() { "" } else { words[at.index(words.len())] };
        for typed in [typed.as_str(), word] {
            let Ok(query) = Query::parse(typed) else { continue };
            let marks = query.marks(&text);
            let mut end = 0;
            for mark in &marks {
                prop_assert!(text.get(mark.clone()).is_some_and(|it| !it.is_empty()));
                prop_assert!(end == 0 || mark.start > end);
                end = mark.end;
            }
            if typed == word {
                prop_assert!(query.matches(&text) && !marks.is_empty());
            }
        }
    }
}

#[test]
fn a_plain_text_has_neither_case_nor_accents() {
    for (text, expected) in
        [("Zoë", "zoe"), ("E\u{301}lan-2", "elan-2"), ("@Ünal", "@unal"), ("हिन्दी", "हिन्दी"), ("安", "安")]
    {
        assert_eq!(plain(text), expected);
    }
    assert!(has_no_spaces('安') && has_no_spaces('ช') && !has_no_spaces('a') && !has_no_spaces('，'));
}

/// protocol 8.8.2
#[test]
fn letters_that_are_equal_in_capitals_or_differ_by_a_stroke_are_the_same() {
    for (text, typed) in [
        ("Straße ist lang", "STRASSE"),
        ("STRASSE", "straße"),
        ("STRAẞE", "strasse"),
        ("GROSSBUCHSTABEN", "großbuch"),
        ("IŞIK", "ışık"),
        ("ışık", "ISIK"),
        ("İstanbul", "istanbul"),
        ("Đà Nẵng", "da nang"),
        ("Łódź", "lodz"),
        ("smørrebrød", "SMORREBROD"),
        ("smorrebrod", "smørre"),
        ("Ħal Għaxaq", "hal ghaxaq"),
        ("Æsop's œuvre", "aesop oeuvre"),
    ] {
        assert!(query(typed).matches(text), "{text:?} is found by {typed:?}");
        assert!(!query(typed).marks(text).is_empty(), "{text:?} by {typed:?}");
    }
    assert_eq!(marked("strass", "Die Straße!"), "Die [Straße]!");
}

/// protocol 8.8.5
#[test]
fn emoji_stand_for_themselves() {
    for (text, typed, is_found) in [
        ("party🎉tonight", "🎉", true),
        ("🎉🎉🎉", "🎉", true),
        ("🎉🎊", "🎉🎊", true),
        ("🎉 🎊", "🎉🎊", false),
        ("well done 👍🏽", "👍", true),
        ("well done 👍", "👍🏿", true),
        ("❤️", "❤", true),
        ("👩‍👩‍👧 家", "👧", true),
        ("🇩🇪", "🇩🇪", true),
        ("🎊", "🎉", false),
        ("tea", "🎉", false),
    ] {
        assert_eq!(query(typed).matches(text), is_found, "{typed} in {text}");
    }
    assert_eq!(Query::parse("… —"), Err(QueryError::Empty));
}

/// protocol 8.8.6
#[test]
fn the_beginning_of_a_text_with_very_many_words_is_found() {
    let words = |from: usize, to: usize| (from..to).map(|n| format!("w{n}x ")).collect::<String>();
    let text = words(0, 3000);
    assert!(query("w1023x").matches(&text));
    assert!(!query("w1024x").matches(&text));
    // Words that are repeated do not count again.
    let text = format!("{}{}{}", words(0, 1000), words(0, 1000), words(1000, 1100));
    assert!(query("w1023x").matches(&text));
    assert!(!query("w1024x").matches(&text));
    assert_eq!(tokens(&text).len(), 2024);
}
