//! What is added comes off again, and nothing else.

use chat_core::wire::MAX_FRAME;
use proptest::prelude::*;

use super::*;

const COOKIE: &str = "p1s0zqW8J6k";
const LINK: &str = "u8yVb1yd0Yx2bq3fJQkq9g";

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// protocol 15.9, protocol 15.10
#[test]
fn fields_are_added_at_the_end() {
    for (frame, cookie, link, sealed) in [
        (r#"{"a":1}"#, Some(COOKIE), None, r#"{"a":1,"cookie":"p1s0zqW8J6k"}"#),
        (r#"{"a":1}"#, None, Some(LINK), r#"{"a":1,"link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#),
        (
            r#"{"a":1}"#,
            Some(COOKIE),
            Some(LINK),
            r#"{"a":1,"cookie":"p1s0zqW8J6k","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
        ),
        ("{}", None, Some(LINK), r#"{"link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#),
        (" { } \n", Some(COOKIE), None, " { \"cookie\":\"p1s0zqW8J6k\"} \n"),
        ("[]", Some(COOKIE), Some(LINK), "[]"),
        ("GET / HTTP/1.1", Some(COOKIE), Some(LINK), "GET / HTTP/1.1"),
        ("}", Some(COOKIE), Some(LINK), "}"),
        ("", Some(COOKIE), Some(LINK), ""),
    ] {
        assert_eq!(text(&seal(frame.as_bytes(), cookie, link)), sealed);
    }
}

#[test]
fn fields_that_stand_elsewhere_stay() {
    for datagram in [
        r#"{"link":"u8yVb1yd0Yx2bq3fJQkq9g","type":"bye"}"#,
        r#"{"type":"bye", "link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
        r#"{"type":"bye","link": "u8yVb1yd0Yx2bq3fJQkq9g"}"#,
        r#"{"type":"bye","\u006cink":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
    ] {
        let envelope = Envelope::read(datagram.as_bytes()).unwrap();
        assert_eq!((envelope.kind(), envelope.link()), (Some("bye"), Some(LINK)), "{datagram}");
        assert_eq!(text(&envelope.open(datagram.as_bytes())), datagram);
    }
}

#[test]
fn what_is_no_object_has_no_envelope() {
    for datagram in [
        "",
        "{",
        "[]",
        r#"["hello"]"#,
        "7",
        "{}x",
        r#"{"link":7}"#,
        r#"{"link":"a","link":"b"}"#,
        r#"{"type":"hello""#,
    ] {
        assert!(Envelope::read(datagram.as_bytes()).is_none(), "{datagram}");
    }
}

/// protocol 1.10
#[test]
fn what_is_added_fits() {
    const { assert!(MAX_FRAME + ADDED <= 65_507) };
    assert_eq!(seal(br#"{"a":1}"#, Some(COOKIE), Some(LINK)).len(), br#"{"a":1}"#.len() + ADDED);
}

proptest! {
    /// protocol 15.1
    #[test]
    fn what_is_added_comes_off_again(
        value in "\\PC*",
        blank in "[ \n]{0,2}",
        cookie in proptest::option::of("[A-Za-z0-9_-]{11}"),
        link in proptest::option::of("[A-Za-z0-9_-]{22}"),
        empty: bool,
    ) {
        let fields = if empty { String::new() } else { format!("\"text\":{}", serde_json::to_string(&value).unwrap()) };
        let frame = format!("{blank}{{{blank}{fields}{blank}}}{blank}");
        let sealed = seal(frame.as_bytes(), cookie.as_deref(), link.as_deref());
        let envelope = Envelope::read(&sealed).expect("it is an object as before");
        prop_assert_eq!(envelope.cookie(), cookie.as_deref());
        prop_assert_eq!(envelope.link(), link.as_deref());
        let opened = envelope.open(&sealed);
        prop_assert_eq!(text(&opened), frame);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes: Vec<u8>) {
        if let Some(envelope) = Envelope::read(&bytes) {
            envelope.open(&bytes);
        }
        seal(&bytes, Some(COOKIE), Some(LINK));
    }
}
