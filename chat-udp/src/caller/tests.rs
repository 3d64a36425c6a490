//! What a client makes of what it hears.

use super::*;

const SERVER: &str = "192.168.1.7:7000";
const TOKEN_TEXT: &str = "u8yVb1yd0Yx2bq3fJQkq9g";

fn caller() -> Caller {
    Caller::new(vec![SERVER.parse().unwrap(), "[fe80::1]:7000".parse().unwrap()])
}

fn hear(caller: &mut Caller, datagram: &str) -> Heard {
    caller.hear(SERVER.parse().unwrap(), datagram.as_bytes())
}

fn send(caller: &mut Caller, frame: &str) -> String {
    String::from_utf8(caller.send(Bytes::from(frame.to_owned())).unwrap()).unwrap()
}

fn again(datagram: &str) -> Heard {
    Heard::Send(datagram.as_bytes().to_vec())
}

/// protocol 15.9, protocol 15.10
#[test]
fn a_hello_is_proved_and_then_the_link_has_a_token() {
    let mut caller = caller();
    assert_eq!(send(&mut caller, r#"{"type":"hello","name":"ana"}"#), r#"{"type":"hello","name":"ana"}"#);
    let proved = r#"{"type":"hello","name":"ana","cookie":"p1s0zqW8J6k"}"#;
    assert_eq!(hear(&mut caller, r#"{"type":"challenge","cookie":"p1s0zqW8J6k"}"#), again(proved));
    assert_eq!(send(&mut caller, r#"{"type":"hello","name":"ana"}"#), proved, "said again, it is the same");
    let welcome = r#"{"type":"welcome","name":"ana"}"#;
    let sealed = seal(welcome.as_bytes(), None, Some(TOKEN_TEXT));
    assert_eq!(hear(&mut caller, std::str::from_utf8(&sealed).unwrap()), Heard::Frame(welcome.into()));
    assert_eq!(
        send(&mut caller, r#"{"type":"join","id":1}"#),
        r#"{"type":"join","id":1,"link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#
    );
}

/// protocol 15.11
#[test]
fn a_challenge_on_an_open_link_is_met_with_the_last_frame() {
    let mut caller = caller();
    let sealed = seal(br#"{"type":"welcome"}"#, None, Some(TOKEN_TEXT));
    hear(&mut caller, std::str::from_utf8(&sealed).unwrap());
    send(&mut caller, r#"{"id":1}"#);
    send(&mut caller, r#"{"id":2}"#);
    let challenge = r#"{"type":"challenge","cookie":"p1s0zqW8J6k"}"#;
    let proved = r#"{"id":2,"cookie":"p1s0zqW8J6k","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#;
    assert_eq!(hear(&mut caller, challenge), again(proved));
    assert_eq!(hear(&mut caller, challenge), Heard::Nothing, "once is enough");
    assert_eq!(
        send(&mut caller, r#"{"id":3}"#),
        r#"{"id":3,"cookie":"p1s0zqW8J6k","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
        "until the server says something else, the proof may have been lost"
    );
    hear(&mut caller, r#"{"type":"ack"}"#);
    assert_eq!(send(&mut caller, r#"{"id":4}"#), r#"{"id":4,"link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#);
}

/// protocol 15.12
#[test]
fn only_the_own_token_can_be_gone() {
    let mut caller = caller();
    let gone = |token: &str| format!(r#"{{"type":"gone","link":"{token}"}}"#);
    assert_eq!(hear(&mut caller, &gone(TOKEN_TEXT)), Heard::Nothing, "it has none");
    assert_eq!(hear(&mut caller, r#"{"type":"gone"}"#), Heard::Nothing);
    let sealed = seal(br#"{"type":"welcome"}"#, None, Some(TOKEN_TEXT));
    hear(&mut caller, std::str::from_utf8(&sealed).unwrap());
    assert_eq!(hear(&mut caller, &gone("AAAAAAAAAAAAAAAAAAAAAA")), Heard::Nothing);
    assert_eq!(hear(&mut caller, r#"{"type":"gone"}"#), Heard::Nothing);
    assert_eq!(caller.hear("192.168.1.8:7000".parse().unwrap(), gone(TOKEN_TEXT).as_bytes()), Heard::Nothing);
    assert_eq!(hear(&mut caller, &gone(TOKEN_TEXT)), Heard::Gone);
}

#[test]
fn whoever_answers_first_is_the_server() {
    let mut caller = caller();
    assert_eq!(caller.targets().len(), 2);
    let (other, nobody) = ("[fe80::1]:7000".parse().unwrap(), "192.168.1.8:7000".parse().unwrap());
    assert_eq!(caller.hear(nobody, br#"{"type":"ack"}"#), Heard::Nothing, "it was not asked");
    assert_eq!(caller.hear(other, b"nonsense"), Heard::Nothing);
    assert_eq!(caller.targets().len(), 2);
    assert!(matches!(caller.hear(other, br#"{"type":"ack"}"#), Heard::Frame(_)));
    assert_eq!(caller.targets(), [other]);
    assert_eq!(hear(&mut caller, r#"{"type":"ack"}"#), Heard::Nothing, "too late");
}

/// A challenge could not be met with these, or would break the frame they are put into.
#[test]
fn strange_cookies_and_tokens_are_not_taken() {
    let mut caller = caller();
    send(&mut caller, "{}");
    for cookie in [r#""\"}""#, r#""0123456789ab""#, "7", "null"] {
        let challenge = format!(r#"{{"type":"challenge","cookie":{cookie}}}"#);
        assert_eq!(hear(&mut caller, &challenge), Heard::Nothing, "{challenge}");
    }
    hear(&mut caller, r#"{"type":"welcome","link":"\"},{\"id\":1,\"x\":\"xxxxx"}"#);
    assert_eq!(send(&mut caller, "{}"), "{}");
}

/// protocol 1.10
#[test]
fn a_request_over_the_limit_is_refused() {
    let mut caller = caller();
    let error = caller.send(Bytes::from(vec![b'x'; MAX_FRAME + 1])).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("65443"), "{error}");
    assert!(caller.send(Bytes::from(vec![b'x'; MAX_FRAME])).is_ok());
}
