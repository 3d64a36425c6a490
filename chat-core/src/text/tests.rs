//! What may be said and what may not, by table and by property.

use proptest::prelude::*;

use super::*;

#[test]
fn a_text_is_checked() {
    let longest = "x".repeat(MAX_TEXT);
    let too_long = "é".repeat(MAX_TEXT / 2) + "x";
    let control = |character| Err(TextError::Control { character });
    let table = [
        ("hi", Ok(())),
        ("two\nlines\tand a tab", Ok(())),
        ("中文 👩‍👩‍👧 می‌خواهم", Ok(())),
        ("\u{202e}", Ok(())), // shown as what it is by who prints it
        (&longest, Ok(())),
        (&too_long, Err(TextError::TooLong { bytes: MAX_TEXT + 1, max_bytes: MAX_TEXT })),
        ("", Err(TextError::Empty)),
        ("a\rb", control('\r')),
        ("\u{1b}[2J", control('\u{1b}')),
        ("nul\0", control('\0')),
        ("del\u{7f}", control('\u{7f}')),
        ("csi\u{9b}2J", control('\u{9b}')),
        ("nel\u{85}", control('\u{85}')),
        ("bs\u{8}", control('\u{8}')),
    ];
    for (text, expected) in table {
        assert_eq!(check_text(text), expected, "{text:?}");
    }
}

#[test]
fn a_topic_is_one_line_and_may_be_empty() {
    let longest = "x".repeat(MAX_TOPIC);
    let too_long = "x".repeat(MAX_TOPIC + 1);
    let table = [
        ("", Ok(())),
        ("weather – and tea", Ok(())),
        (&longest, Ok(())),
        (&too_long, Err(TextError::TooLong { bytes: MAX_TOPIC + 1, max_bytes: MAX_TOPIC })),
        ("two\nlines", Err(TextError::Control { character: '\n' })),
        ("a\ttab", Err(TextError::Control { character: '\t' })),
        ("\u{9d}0;x", Err(TextError::Control { character: '\u{9d}' })),
    ];
    for (topic, expected) in table {
        assert_eq!(check_topic(topic), expected, "{topic:?}");
    }
}

#[test]
fn what_is_typed_is_cleaned() {
    let table = [
        ("plain", "plain"),
        ("a\r\nb\rc\nd\r", "a\nb\nc\nd\n"),
        ("\r\r\n\n", "\n\n\n"),
        ("bell\u{7}, backspace\u{8}, del\u{7f}", "bell, backspace, del"),
        ("\0\u{1b}", ""),
        ("tab\tand 中文", "tab\tand 中文"),
    ];
    for (typed, expected) in table {
        assert_eq!(clean(typed), expected, "{typed:?}");
    }
}

#[test]
fn escape_sequences_go_whole_or_lose_their_control_characters_alone() {
    let table = [
        ("\u{1b}[1;31mFAILED\u{1b}[0m 3 tests", "FAILED 3 tests"),
        ("\u{1b}[38:2::1:2:3mx\u{1b}[K\u{1b}[?25ly\u{1b}[2 qz", "xyz"),
        ("\u{1b}]8;;http://x.example\u{1b}\\log\u{1b}]8;;\u{1b}\\", "log"),
        ("\u{1b}]0;title\u{7}x\u{9d}0;title\u{9c}y", "xy"),
        ("\u{1b}(Bx\u{1b}=y\u{1b}7z\u{1b}M", "xyz"),
        ("\u{1b}P$qm\u{1b}\\x\u{1b}_apc\u{1b}\\", "x"),
        ("\u{9b}31mred\u{9b}5n", "red"),
        ("\u{1b}]0;never ends", "]0;never ends"),
        ("\u{1b}]0;a line\nis no end\u{7}", "]0;a line\nis no end"),
        ("\u{1b}[31", "[31"),
        ("\u{1b}[31é", "[31é"),
        ("\u{1b}hello \u{1b}", "hello "),
        ("\u{feff}marked", "marked"),
    ];
    for (typed, expected) in table {
        assert_eq!(clean(typed), expected, "{typed:?}");
    }
}

#[test]
fn errors_can_be_printed() {
    let control = TextError::Control { character: '\u{9b}' };
    assert_eq!(control.to_string(), "it has the control character U+009B");
    let too_long = TextError::TooLong { bytes: 9000, max_bytes: 8192 };
    assert_eq!(too_long.to_string(), "it has 9000 bytes; at most 8192 are allowed");
}

#[test]
fn invisible_characters_are_known() {
    // Default_Ignorable_Code_Point, from DerivedCoreProperties.txt of Unicode 16, and six more.
    let expected = [
        '\u{AD}'..='\u{AD}',
        '\u{34F}'..='\u{34F}',
        '\u{61C}'..='\u{61C}',
        '\u{115F}'..='\u{1160}',
        '\u{17B4}'..='\u{17B5}',
        '\u{180B}'..='\u{180F}',
        '\u{200B}'..='\u{200F}',
        '\u{2028}'..='\u{202E}',
        '\u{2060}'..='\u{206F}',
        '\u{3164}'..='\u{3164}',
        '\u{FE00}'..='\u{FE0F}',
        '\u{FEFF}'..='\u{FEFF}',
        '\u{FFA0}'..='\u{FFA0}',
        '\u{FFF0}'..='\u{FFFC}',
        '\u{1BCA0}'..='\u{1BCA3}',
        '\u{1D173}'..='\u{1D17A}',
        '\u{E0000}'..='\u{E0FFF}',
    ];
    for c in '\0'..=char::MAX {
        assert_eq!(is_invisible(c), expected.iter().any(|range| range.contains(&c)), "{c:?}");
    }
}

#[test]
fn nonspacing_marks_are_known() {
    for c in ['\u{301}', '\u{489}', '\u{20E3}', '\u{94D}', '\u{F90}', '\u{1161}', '\u{11A8}'] {
        assert!(is_nonspacing_mark(c), "{c:?}");
    }
    for c in ['a', 'é', '\u{93F}', '中', '\u{1100}', '가', '👍'] {
        assert!(!is_nonspacing_mark(c), "{c:?}");
    }
}

proptest! {
    #[test]
    fn what_is_cleaned_is_accepted_and_stays(typed in r"([\x00-\x1f\x7f-\x9f]|\PC){0,200}") {
        let text = clean(&typed);
        prop_assert_eq!(clean(&text), text.clone());
        prop_assert!(matches!(check_text(&text), Ok(()) | Err(TextError::Empty)));
    }

    #[test]
    fn without_escape_sequences_nothing_is_lost_but_control_characters(typed in r"([\x00-\x1a\x7f]|[^\pC]){0,200}") {
        let kept: String = typed.chars().filter(|c| !c.is_control()).collect();
        let text: String = clean(&typed).chars().filter(|c| !c.is_control()).collect();
        prop_assert_eq!(text, kept);
    }
}
