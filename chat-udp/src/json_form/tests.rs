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
    for (frame, cookie, link, datagram) in [
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
        assert_eq!(text(&add_fields(frame.as_bytes(), cookie, link)), datagram);
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
        let fields = Fields::read(datagram.as_bytes()).unwrap();
        assert_eq!((fields.kind(), fields.link()), (Some("bye"), Some(LINK)), "{datagram}");
        assert_eq!(text(&fields.strip_fields(datagram.as_bytes())), datagram);
    }
}

#[test]
fn what_is_no_object_has_no_fields() {
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
        assert!(Fields::read(datagram.as_bytes()).is_none(), "{datagram}");
    }
}

/// protocol 1.3
#[test]
fn what_is_added_fits() {
    const { assert!(MAX_FRAME + ADDED <= 65_507) };
    assert_eq!(add_fields(br#"{"a":1}"#, Some(COOKIE), Some(LINK)).len(), br#"{"a":1}"#.len() + ADDED);
}

/// protocol 15.9
#[test]
fn a_cookie_is_eight_bytes_in_base64url() {
    let cookie = |text: &str| {
        let datagram = add_fields(b"{}", Some(text), None);
        Fields::read(&datagram).unwrap().cookie()
    };
    assert_eq!(challenge(0xa75b_34ce_a5bc_27a9), r#"{"type":"challenge","cookie":"p1s0zqW8J6k"}"#);
    assert_eq!(cookie(COOKIE), Some(0xa75b_34ce_a5bc_27a9));
    for other in ["", "p1s0zqW8J6", "p1s0zqW8J6kA", "p1s0zqW8J6l", "p1s0zqW8J6=", LINK] {
        assert_eq!(cookie(other), None, "{other}");
    }
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
        let datagram = add_fields(frame.as_bytes(), cookie.as_deref(), link.as_deref());
        let fields = Fields::read(&datagram).expect("it is an object as before");
        prop_assert_eq!(fields.cookie_text(), cookie.as_deref());
        prop_assert_eq!(fields.link(), link.as_deref());
        let stripped = fields.strip_fields(&datagram);
        prop_assert_eq!(text(&stripped), frame);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes: Vec<u8>) {
        if let Some(fields) = Fields::read(&bytes) {
            fields.strip_fields(&bytes);
        }
        add_fields(&bytes, Some(COOKIE), Some(LINK));
    }
}
