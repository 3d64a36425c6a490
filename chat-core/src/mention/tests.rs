//! Mentions, addressed messages and begins of names, by table.

use super::*;

fn found<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
    mentions(name, text).into_iter().map(|place| &text[place]).collect()
}

#[test]
fn a_name_is_found_as_a_word_of_its_own() {
    for (name, text, places) in [
        ("ana", "Ana, anagram and @ana: banana ana", &["Ana", "ana", "ana"][..]),
        ("ana-2", "ana-2? ana-22 ana", &["ana-2"]),
        ("ana", "ana's turn, (ana) ana... -ana ana/bob \"ana\" ana+", &["ana"; 7]),
        ("ana", "", &[]),
        ("中", "中 文 @中你好", &["中", "中"]),
        ("안나", "안나, 안나", &["안나", "안나"]),
    ] {
        assert_eq!(found(name, text), places, "{name} in {text:?}");
    }
}

#[test]
fn a_name_is_found_where_scripts_have_no_spaces() {
    for (name, text) in [
        ("安娜", "请安娜看一下"),
        ("安娜", "@安娜看一下"),
        ("安娜", "安娜：你好"),
        ("たろう", "たろうさん、こんにちは"),
        ("ana", "你好ana"),
        ("ana", "@ana你好"),
        ("ana", "请ana看一下"),
        ("สมชาย", "ขอบคุณสมชายมาก"),
        ("ခင်", "မခင်လာ"),
    ] {
        assert_eq!(found(name, text), [name], "{name} in {text:?}");
    }
}

#[test]
fn accents_are_the_same_however_they_are_written() {
    for (name, text) in [
        ("Jörg", "Jo\u{308}rg: hi"),
        ("Jo\u{308}rg", "JÖRG"),
        ("Élan", "e\u{301}lan"),
        ("Νίκος", "ΝΊΚΟΣ"),
        ("한나", "\u{1112}\u{1161}\u{11ab}\u{1102}\u{1161}"),
    ] {
        assert_eq!(mentions(name, text).len(), 1, "{name} in {text:?}");
    }
    assert!(found("ana", "ana\u{301}").is_empty() && found("Jo", "Jo\u{308}").is_empty());
}

#[test]
fn another_name_and_an_address_name_nobody_else() {
    for text in [
        "banana",
        "ana-maria: hi",
        "maria-ana: hi",
        "ana.b ana_b ana2 ana+bob",
        "#ana ana#1",
        "see https://x.example/ana",
        "(https://ana.example/ana?ana=ana#ana)",
        "看https://x.example/ana。",
        "bob@ana ana@x.example mailto:ana",
        "/home/ana/x ~/ana www.ana.example x.example/ana localhost:80/ana",
        "mañana",
    ] {
        assert!(found("ana", text).is_empty(), "{text:?}: {:?}", found("ana", text));
    }
    assert_eq!(found("ana", "https://x.example/ana你好ana").len(), 1, "the second one");
    assert!(found("中", "中文").is_empty(), "a single character is a part of many words");
}

#[test]
fn a_name_at_the_begin_is_addressed() {
    for (name, text, said) in [
        ("écho", "Écho: hi", Some("hi")),
        ("écho", "E\u{301}CHO,hi: there", Some("hi: there")),
        ("écho", "@écho hi", Some("hi")),
        ("écho", "@écho", Some("")),
        ("安娜", "@安娜看一下", Some("看一下")),
        ("安娜", "安娜：看一下", Some("看一下")),
        ("echo", "echo hi", None),
        ("echo", "@echo-bot hi", None),
        ("echo", "@echo2 hi", None),
        ("echo", " echo: hi", None),
        ("安娜", "安娜看一下", None),
    ] {
        assert_eq!(addressed(name, text), said, "{text:?}");
    }
}

#[test]
fn a_name_may_begin_within_the_last_word() {
    let from = |text: &'static str| begins(text).map(|at| &text[at..]).collect::<Vec<_>>();
    assert_eq!(from("one bo"), ["bo"]);
    assert_eq!(from("(bo"), ["(bo", "bo"]);
    assert_eq!(from("hi,bo"), ["hi,bo", "bo"]);
    assert_eq!(from("(@bo"), ["(@bo", "@bo", "bo"]);
    assert_eq!(from("你好安"), ["你好安", "好安", "安"]);
    assert_eq!(from("ana-ma"), ["ana-ma"]);
    assert!(from("").is_empty() && from("bo ").is_empty());
}
