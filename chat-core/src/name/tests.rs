//! Names that are and that are not, by table (the fault list's and more) and by property.

use std::collections::{HashSet, hash_map::DefaultHasher};

use proptest::prelude::*;

use super::*;

#[test]
fn names_that_are() {
    let table = [
        "a",
        "Ana-Maria",
        "ana_99",
        "x.y",
        "c++",
        "#rust",
        "a#",
        "José",
        "Ελένη",
        "Мария",
        "中文",
        "ジョン・スミス",
        "山田はなこ",
        "김민수",
        "שלום",
        "محمد١",
        "हिन्दी",
        "น้ำ",
        "ຳກ",
        "Հայերեն",
        "և",
        "Việt",
        "မြွှေ့",
        "col·lega",
        "🦀",
        "ana🦀",
        "👍🏽",
        "🇨🇭",
        "♥",
        "ana中文",
        "中文ana",
        "anaカナ",
        "ana김",
        "anaㄅ中",
        "ä1",
        "Straße",
        "İnci",
        "ꙮ",
        "ᎠᎡ",
        "〇一",
    ];
    for raw in table {
        assert_eq!(PersonName::parse(raw).map(|it| it.to_string()), Ok(raw.to_owned()));
        assert_eq!(RoomName::parse(raw).map(|it| it.to_string()), Ok(raw.to_owned()));
    }
}

#[test]
fn names_that_are_not() {
    use NameError::*;
    let table = [
        ("", Empty),
        (" ana", Space { character: ' ' }),
        ("ana ", Space { character: ' ' }),
        ("ana bob", Space { character: ' ' }),
        ("ana\n", Space { character: '\n' }),
        ("ana\u{a0}", Space { character: '\u{a0}' }),
        ("ana\u{2003}", Space { character: '\u{2003}' }),
        ("ana\u{3000}", Space { character: '\u{3000}' }),
        ("ana\u{2028}", Space { character: '\u{2028}' }),
        ("ana\u{2800}", Space { character: '\u{2800}' }),
        ("ana\u{3164}", Invisible { character: '\u{3164}' }),
        ("\u{115f}", Invisible { character: '\u{115f}' }),
        ("ana\u{200b}", Invisible { character: '\u{200b}' }),
        ("an\u{ad}a", Invisible { character: '\u{ad}' }),
        ("\u{feff}ana", Invisible { character: '\u{feff}' }),
        ("a\u{34f}na", Invisible { character: '\u{34f}' }),
        ("\u{202e}nimda", Invisible { character: '\u{202e}' }),
        ("ana\u{2066}", Invisible { character: '\u{2066}' }),
        ("ana\u{200f}", Invisible { character: '\u{200f}' }),
        ("محمد\u{61c}", Invisible { character: '\u{61c}' }),
        ("a\u{e0041}", Invisible { character: '\u{e0041}' }),
        ("❤\u{fe0f}", Invisible { character: '\u{fe0f}' }),
        ("\u{600}1", Invisible { character: '\u{600}' }),
        ("\u{1b}[31m", Control { character: '\u{1b}' }),
        ("ana\u{7f}", Control { character: '\u{7f}' }),
        ("ana\u{9b}", Control { character: '\u{9b}' }),
        ("ana\0", Control { character: '\0' }),
        ("ana\u{e000}", Unassigned { character: '\u{e000}' }),
        ("ana\u{f0000}", Unassigned { character: '\u{f0000}' }),
        ("ana\u{ffff}", Unassigned { character: '\u{ffff}' }),
        ("ana\u{fdd0}", Unassigned { character: '\u{fdd0}' }),
        ("ana\u{378}", Unassigned { character: '\u{378}' }),
        ("ａna", Compatibility { character: 'ａ' }),
        ("oﬃce", Compatibility { character: 'ﬃ' }),
        ("𝐚na", Compatibility { character: '𝐚' }),
        ("ana²", Compatibility { character: '²' }),
        ("ⓐna", Compatibility { character: 'ⓐ' }),
        ("ﾊﾝ", Compatibility { character: 'ﾊ' }),
        ("аdmin", MixedScripts { character: 'd' }),
        ("admіn", MixedScripts { character: 'і' }),
        ("αdmin", MixedScripts { character: 'd' }),
        ("中文б", MixedScripts { character: 'б' }),
        ("ana中б", MixedScripts { character: 'б' }),
        ("한かな", MixedScripts { character: 'か' }),
        ("anaשלום", MixedScripts { character: 'ש' }),
        ("a\u{301}\u{300}\u{302}\u{303}\u{304}", Marks { character: '\u{304}' }),
        ("\u{1100}\u{1161}\u{1161}\u{1161}\u{1161}\u{1161}", Marks { character: '\u{1161}' }),
        ("\u{1161}", Begins { character: '\u{1161}' }),
        ("\u{301}ana", Begins { character: '\u{301}' }),
        ("\u{93f}क", Begins { character: '\u{93f}' }),
        ("-ana", Begins { character: '-' }),
        (".ana", Begins { character: '.' }),
        ("+ana", Begins { character: '+' }),
        ("ana.", Ends { character: '.' }),
        ("_", OnlyPunctuation),
        ("#-_", OnlyPunctuation),
        ("・", OnlyPunctuation),
        ("ana@home", Punctuation { character: '@' }),
        ("a/b", Punctuation { character: '/' }),
        ("a\\b", Punctuation { character: '\\' }),
        ("<ana>", Punctuation { character: '<' }),
        ("ana:", Punctuation { character: ':' }),
        ("an'a", Punctuation { character: '\'' }),
        ("`ana`", Punctuation { character: '`' }),
        ("a\u{2010}b", Punctuation { character: '\u{2010}' }),
        ("ana\u{2019}", Punctuation { character: '\u{2019}' }),
        ("€uro", Punctuation { character: '€' }),
        ("a\u{2215}b", Punctuation { character: '\u{2215}' }),
        ("a\u{20dd}", Punctuation { character: '\u{20dd}' }),
    ];
    for (raw, error) in table {
        assert_eq!(PersonName::parse(raw), Err(error.clone()), "{raw:?}");
        assert_eq!(RoomName::from_wire(raw), Err(error), "{raw:?}");
    }
}

#[test]
fn length_is_bounded_in_characters_and_in_bytes() {
    let too_long =
        |characters, bytes| Err(NameError::TooLong { characters, bytes, max_characters: 32, max_bytes: 64 });
    let length = |raw: &str| PersonName::parse(raw).map(|it| it.as_str().len());
    assert_eq!(length(&"a".repeat(32)), Ok(32));
    assert_eq!(length(&"a".repeat(33)), too_long(33, 33));
    assert_eq!(length(&"é".repeat(32)), Ok(64));
    assert_eq!(length(&"中".repeat(21)), Ok(63));
    assert_eq!(length(&"中".repeat(22)), too_long(22, 66));
    assert_eq!(length(&"a".repeat(10_000)), too_long(10_000, 10_000));
    // What counts is the composed form: three jamo are one syllable, a letter and its accent one letter.
    assert_eq!(length(&"\u{1112}\u{1161}\u{11ab}".repeat(21)), Ok(63));
    assert_eq!(length(&"\u{1fbe}\u{308}\u{301}".repeat(32)), Ok(64));
    assert_eq!(RoomName::parse(&"é".repeat(64)).map(|it| it.as_str().len()), Ok(128));
    assert!(RoomName::parse(&"a".repeat(65)).is_err());
    assert!(RoomName::parse(&"中".repeat(43)).is_err());
}

#[test]
fn names_are_compared_without_case_and_shown_as_written() {
    let same = [
        ("ana", "ANA"),
        ("José", "JOSE\u{301}"),
        ("Мария", "мАРИЯ"),
        ("ΟΔΟΣ", "οδος"),
        ("οδοσ", "οδος"),
        ("Ⱥ", "ⱥ"),
        ("H\u{331}", "ẖ"),
        ("İnci", "i\u{307}nci"),
        ("ana中文", "ANA中文"),
    ];
    for (one, other) in same {
        let (one, other) = (PersonName::parse(one).unwrap(), PersonName::parse(other).unwrap());
        assert_eq!(one, other);
        assert_eq!(one.cmp(&other), Ordering::Equal);
        assert_eq!(hash(&one), hash(&other), "{one} {other}");
        assert_eq!(one.skeleton(), other.skeleton());
        assert_ne!(one.as_str(), other.as_str());
    }
    assert_ne!(PersonName::parse("ana").unwrap(), PersonName::parse("anb").unwrap());
    assert!(PersonName::parse("Bob").unwrap() > PersonName::parse("ana").unwrap());
    let name = RoomName::parse("Jose\u{301}").unwrap();
    assert_eq!(
        (name.as_str(), format!("{name:>6}"), format!("{name:?}").as_str()),
        ("José", "  José".to_owned(), r#"RoomName("José")"#,)
    );
}

#[test]
fn names_that_look_alike_have_one_skeleton() {
    let alike = [
        ("bob1", "bobl"),
        ("bob0", "BOBO"),
        ("alan", "aIan"),
        ("ВОВ", "BOB"),
        ("вов", "bob"),
        ("ТОМ", "tom"),
        ("НЕТ", "het"),
        ("ѕсоре", "scope"),
        ("rnike", "Mike"),
        ("οοο", "ooo"),
        ("น้ํา", "น้ำ"),
        ("а", "A"),
    ];
    for (one, other) in alike {
        let (one, other) = (PersonName::parse(one).unwrap(), PersonName::parse(other).unwrap());
        assert_eq!(one.skeleton(), other.skeleton(), "{one} {other}");
        assert_ne!(one, other);
    }
    // Such a name is refused for its mixed scripts already; its skeleton would give it away as well.
    assert_eq!(rules::skeleton("аdmin"), rules::skeleton("admin"));
    let apart =
        ["ana", "anna", "bob", "dod", "cleo", "eve", "ева", "user1", "user2", "中文", "中国", "jose", "josé"];
    let skeletons: HashSet<String> =
        apart.iter().map(|it| PersonName::parse(it).unwrap().skeleton()).collect();
    assert_eq!(skeletons.len(), apart.len());
}

#[test]
fn the_inbox_is_only_for_the_wire() {
    assert_eq!(RoomName::parse("@"), Err(NameError::Punctuation { character: '@' }));
    assert_eq!(RoomName::from_wire("@"), Ok(RoomName::inbox()));
    assert!(RoomName::inbox().is_inbox());
    assert!(!RoomName::from_wire("lobby").unwrap().is_inbox());
    assert!(PersonName::parse("@").is_err());
}

#[test]
fn errors_say_what_is_wrong_and_can_be_printed() {
    let message = |raw: &str| PersonName::parse(raw).unwrap_err().to_string();
    assert_eq!(message("ana b"), "it has U+0020, which is white space; a name is one word");
    assert_eq!(message("\u{1b}c"), "it has the control character U+001B");
    assert_eq!(
        message("a@b"),
        "it has '@' (U+0040); of punctuation and mathematical or currency signs only - _ . + # are allowed"
    );
    assert_eq!(message(&"é".repeat(40)), "it has 40 characters in 80 bytes; at most 32 in 64 are allowed");
}

#[test]
fn an_ordinary_name_is_one_allocation() {
    let name = RoomName::parse("lobby").unwrap();
    assert_eq!(&*name.0.text, "lobby");
    assert!(std::ptr::eq(name.0.shown(), name.0.folded()));
}

/// Strings that are often names, often nearly so, and sometimes anything.
fn raw() -> impl Strategy<Value = String> {
    prop_oneof![
        r"[a-zA-Z0-9._+#@ -]{0,40}",
        r"[\p{Latin}\p{M}\p{N}]{0,20}",
        r"[\p{Greek}]{1,12}",
        r"[\p{Han}\p{Hiragana}\p{Hangul}a-z]{0,12}",
        r"[\p{L}\p{M}\p{So}]{1,4}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn parsing_is_idempotent_and_what_it_accepts_is_harmless(raw in raw()) {
        match RoomName::parse(&raw) {
            Ok(name) => {
                let again = RoomName::parse(name.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), name.as_str());
                prop_assert_eq!(&again, &name);
                prop_assert!(name.as_str().len() <= 128 && name.as_str().chars().count() <= 64);
                prop_assert!(!name.as_str().contains(|c: char| c.is_control() || c.is_whitespace()));
                prop_assert!(!name.as_str().contains(crate::text::is_invisible));
            }
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{}", message);
            }
        }
    }

    #[test]
    fn case_makes_no_difference(raw in raw()) {
        if let Ok(name) = PersonName::parse(&raw) {
            prop_assert_eq!(rules::fold(name.0.folded()), name.0.folded());
            let other = PersonName::parse(&raw.to_lowercase());
            if let Ok(other) = other {
                prop_assert_eq!(&other, &name);
                prop_assert_eq!(hash(&other), hash(&name));
                prop_assert_eq!(other.skeleton(), name.skeleton());
            }
        }
    }
}

fn hash(name: &PersonName) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
