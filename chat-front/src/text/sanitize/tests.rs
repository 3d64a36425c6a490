//! Hostile text in every position comes out inert; ordinary text comes out as it went in.

use proptest::prelude::*;

use super::*;

#[test]
fn hostile_text_is_inert_wherever_it_stands() {
    let mut corpus = 0;
    for payload in payloads() {
        for text in [
            payload.clone(),
            format!("{payload}after"),
            format!("before{payload}"),
            format!("in {payload} the middle"),
            format!("中{payload}文"),
            format!("line\n{payload}\nline"),
            format!("{payload}{payload}"),
        ] {
            check(&text);
            corpus += 1;
        }
    }
    assert!(corpus >= 200, "{corpus}");
}

#[test]
fn every_character_is_inert_between_others() {
    let with_special_ones = ('\0'..='\u{1ffff}').chain('\u{e0000}'..='\u{e0fff}');
    for c in with_special_ones {
        check(&format!("é{c}é"));
    }
}

#[test]
fn what_is_hidden_becomes_visible() {
    let table = [
        ("\u{1b}[31mred", "␛[31mred"),
        ("\u{1b}]52;c;aGk=\u{7}", "␛]52;c;aGk=␇"),
        ("\u{1b}]0;title\u{1b}\\", "␛]0;title␛\\"),
        ("\u{9b}2J", "\\u{9b}2J"),
        ("\u{85}", "\\u{85}"),
        ("nul\0 del\u{7f}", "nul␀ del␡"),
        ("honest\rliar", "honest␍liar"),
        ("password\u{8}\u{8}", "password␈␈"),
        ("a\tb", "a    b"),
        ("user\u{202e}gpj.exe", "user\\u{202e}gpj.exe"),
        ("\u{2066}a\u{2069}\u{200e}", "\\u{2066}a\\u{2069}\\u{200e}"),
        ("ad\u{200b}min\u{feff}", "ad\\u{200b}min\\u{feff}"),
        ("ad\u{200d}min", "ad\\u{200d}min"),
        ("é\u{200d}", "é\\u{200d}"),
        ("é\u{200d}\u{200d}é", "é\\u{200d}\\u{200d}é"),
        ("é\u{200d}\u{9b}", "é\\u{200d}\\u{9b}"),
        ("a\u{fe0f}", "a\\u{fe0f}"),
        ("1\u{fe0f}", "1\\u{fe0f}"),
        ("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f}\\u{fe0f}"),
        ("\u{1f3f4}\u{e0061}\u{e007f}", "\u{1f3f4}\\u{e0061}\\u{e007f}"),
        ("\u{2028}\u{3164}\u{ad}", "\\u{2028}\\u{3164}\\u{ad}"),
        ("\u{301}x", "\u{25cc}\u{301}x"),
        ("two\nlines", "two⏎lines"),
    ];
    for (text, shown) in table {
        assert_eq!(Sanitized::line(text).as_str(), shown, "{text:?}");
    }
}

#[test]
fn marks_do_not_pile_up() {
    let zalgo = |marks: usize| format!("z{}o", "\u{301}\u{316}".repeat(marks / 2));
    assert_eq!(Sanitized::line(&zalgo(4)).as_str(), zalgo(4));
    assert_eq!(Sanitized::line(&zalgo(500)).as_str(), zalgo(4));
    let jamo = format!("\u{1100}{}", "\u{1161}".repeat(500));
    assert_eq!(Sanitized::line(&jamo).as_str().chars().count(), 5);
    // Nor does something invisible between them start a new pile.
    check(&format!("é{}", "\u{301}\u{200d}".repeat(50)));
    check(&format!("é{}", "\u{301}\u{301}\u{fe0f}".repeat(50)));
}

#[test]
fn a_later_line_cannot_pass_for_a_line_of_its_own() {
    let text = "hi\n<admin> hello\n\n\u{2028}<admin>\u{b}\u{c}<admin>\r\n<admin>";
    let block = Sanitized::block(text, 4);
    let lines: Vec<&str> = block.as_str().lines().collect();
    assert_eq!(lines, ["hi", "    <admin> hello", "    ", "    \\u{2028}<admin>␋␌<admin>␍", "    <admin>",]);
    assert_eq!(Sanitized::block("a\n<admin>", 0).as_str(), "a\n <admin>");
    assert_eq!(Sanitized::line(text).as_str().lines().count(), 1);
}

#[test]
fn ordinary_text_is_left_alone() {
    for text in [
        "",
        "plain ASCII, with \"quotes\" & <brackets> \\u{202e}",
        "中文 日本語 한국어",
        "naïve café, José, Việt Nam, e\u{301}",
        "👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️‍🔥 🏴‍☠️ ☺️ 👍🏿 1️⃣ #️⃣ *️⃣",
        "🇨🇭🇩🇪 \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} \u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
        "می‌خواهم خانه‌ها",
        "हिन्दी क्‍ष क्‌ष",
        "র‍্যাব",
        "ශ්‍රී ලංකා",
        "עברית שָׁלוֹם العربية مُحَمَّد",
        "ไทย น้ำ မြန်မာ ကြွှေ့ ཧཱུྃ",
        "葛\u{e0100}城 \u{1820}\u{180b}\u{1820}",
        "\u{1112}\u{1161}\u{11ab}",
        "\u{a0}€ ∑ → ░ \u{e0b0}",
    ] {
        assert_eq!(Sanitized::line(text).as_str(), text);
        assert_eq!(Sanitized::block(text, 4).to_string(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_text_becomes_inert(text in "([\\x00-\\x1f\\x7f-\\x9f]|[\u{200b}-\u{200f}\u{fe0e}\u{fe0f}\u{202e}]|\
        [\u{301}\u{316}\u{20e3}\u{94d}\u{1161}]|[1#é❤क👩\u{1f3f4}\u{e0067}]|\\PC){0,60}") {
        check(&text);
    }
}

/// What must hold for every text.
fn check(text: &str) {
    let line = Sanitized::line(text);
    assert_eq!(line.as_str().find(acts), None, "{text:?} became {line:?}");
    assert_eq!(Sanitized::line(line.as_str()), line, "{text:?} is not stable");
    let marks = line.as_str().chars().filter(|&c| !is_invisible(c));
    let piles = marks.scan(0, |pile, c| {
        *pile = if is_nonspacing_mark(c) { *pile + 1 } else { 0 };
        Some(*pile)
    });
    assert!(piles.max() <= Some(MAX_MARKS), "{text:?} became {line:?}");
    let block = Sanitized::block(text, 2);
    assert_eq!(block.as_str().find(|c| acts(c) && c != '\n'), None, "{text:?} became {block:?}");
    assert!(block.as_str().split('\n').skip(1).all(|line| line.starts_with("  ")), "{block:?}");
    assert_eq!(block.as_str().split('\n').count(), text.split('\n').count(), "{block:?}");
}

/// Written out here, so that it does not share a mistake with what is tested.
fn acts(c: char) -> bool {
    let bidi = ['\u{61c}', '\u{200e}', '\u{200f}'];
    let zero_width = ['\u{ad}', '\u{180e}', '\u{200b}', '\u{2060}', '\u{feff}', '\u{3164}', '\u{ffa0}'];
    c < ' '
        || ('\u{7f}'..='\u{9f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
        || bidi.contains(&c)
        || zero_width.contains(&c)
}

/// Sequences that terminals act on, in their 7-bit and 8-bit forms, ended and not; and what deceives the eye.
fn payloads() -> Vec<String> {
    let control = [
        "2J",
        "H",
        "1;1H",
        "A",
        "99999D",
        "K",
        "6n",
        "5n",
        "c",
        ">c",
        "=c",
        "21t",
        "8;1;1t",
        "31m",
        "?1000h",
        "?1003h",
        "?1006h",
        "?1049h",
        "?2004h",
        "?25l",
        "4h",
        "20h",
        "1;1r",
        "!p",
        "201~",
        "5i",
        "4i",
        "99999999999999999b",
    ];
    let system = [
        "0;title",
        "2;title",
        "4;1;?",
        "7;file:///",
        "8;;http://evil.example",
        "9;note",
        "10;?",
        "11;?",
        "52;c;aGk=",
        "52;c;?",
        "104",
        "777;notify;a;b",
        "1337;File=:",
        "133;A",
    ];
    let device = ["$q\"p", "+q544e", "q#0;2;0;0;0", "1$r"];
    let mut all: Vec<String> = [
        "\u{1b}",
        "\u{1b}c",
        "\u{1b}7",
        "\u{1b}8",
        "\u{1b}D",
        "\u{1b}M",
        "\u{1b}=",
        "\u{1b}>",
        "\u{1b}#8",
        "\u{1b}(0",
        "\u{1b}%G",
        "\u{1b} F",
        "\u{1b}\\",
        "\u{9c}",
        "\u{84}",
        "\u{85}",
        "\u{8d}",
        "\u{e}",
        "\u{f}",
        "\u{5}",
        "\u{7}",
        "\r",
        "\r\n",
        "\r<admin> hello",
        "\n<admin> hello",
        "\u{8}\u{8}\u{8}",
        "\u{b}",
        "\u{c}",
        "\t\t",
        "\u{7f}",
        "\0",
        "\u{18}",
        "\u{1a}",
        "\u{202a}",
        "\u{202b}",
        "\u{202c}",
        "\u{202d}",
        "\u{202e}",
        "\u{2066}",
        "\u{2067}",
        "\u{2068}",
        "\u{2069}",
        "\u{200e}",
        "\u{200f}",
        "\u{61c}",
        "\u{200b}",
        "\u{200c}",
        "\u{200d}",
        "\u{2060}",
        "\u{feff}",
        "\u{ad}",
        "\u{180e}",
        "\u{34f}",
        "\u{2028}",
        "\u{2029}",
        "\u{3164}",
        "\u{fe0f}",
        "\u{e0100}",
        "\u{e0041}\u{e0042}",
        "\u{fff9}a\u{fffa}b\u{fffb}",
    ]
    .map(str::to_owned)
    .to_vec();
    for sequence in control {
        all.extend([format!("\u{1b}[{sequence}"), format!("\u{9b}{sequence}")]);
    }
    for sequence in system {
        for start in ["\u{1b}]", "\u{9d}"] {
            all.extend(["\u{7}", "\u{1b}\\", "\u{9c}", ""].map(|end| format!("{start}{sequence}{end}")));
        }
    }
    for sequence in device {
        for start in ["\u{1b}P", "\u{90}", "\u{1b}_", "\u{9f}", "\u{1b}^", "\u{9e}", "\u{1b}X", "\u{98}"] {
            all.extend(["\u{1b}\\", "\u{9c}", ""].map(|end| format!("{start}{sequence}{end}")));
        }
    }
    all.push(format!("z{}", "\u{301}\u{316}\u{489}".repeat(200)));
    all.push("👩\u{200d}".repeat(300));
    all
}
