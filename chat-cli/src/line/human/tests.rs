//! Lines typed, requests out.

use chat_core::wire::{self, Code, Error, Event, Left};
use jiff::{civil::date, tz::TimeZone};

use super::*;

fn human() -> Human {
    Human::new(&date(2026, 11, 20).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap())
}

fn typed(human: &mut Human, line: &str) -> String {
    match Command::parse(line).map(|command| human.perform(command)) {
        Ok(Ok(Step::Ask(request, tag))) => {
            format!(
                "{tag}: {}",
                String::from_utf8(wire::write(&wire::Request::unnumbered(request)).to_vec()).unwrap()
            )
        }
        Ok(Ok(step)) => format!("{step:?}"),
        Ok(Err(line)) => line.to_string(),
        Err(mistake) => corrected(&mistake).to_string(),
    }
}

#[test]
fn what_is_typed_is_asked_for() {
    let mut human = human();
    for (line, expected) in [
        ("hi", "-- you are in no room; /join ROOM enters one"),
        ("/who", "-- you are in no room; /join ROOM enters one"),
        ("/join lobby", r#"1: {"type":"join","room":"lobby"}"#),
        ("/join hall", r#"2: {"type":"join","room":"hall"}"#),
        ("hi", r#"3: {"type":"say","room":"hall","text":"hi"}"#),
        ("/who Lobby", r#"4: {"type":"who","room":"Lobby"}"#),
        ("/msg bob psst", r#"5: {"type":"tell","to":"bob","text":"psst"}"#),
        ("/topic soup", r#"6: {"type":"topic","room":"hall","text":"soup"}"#),
        ("/history", r#"7: {"type":"history","room":"hall","limit":50}"#),
        ("/history 9999", &format!(r#"8: {{"type":"history","room":"hall","limit":{MAX_HISTORY}}}"#)),
        (
            "/join @",
            "-- cannot enter @: it has '@' (U+0040); letters, numbers, symbols and - _ . + # are allowed",
        ),
        ("/leave nowhere", "-- you are not in nowhere"),
        ("/leave", r#"9: {"type":"leave","room":"hall"}"#),
        (
            "/search …",
            "-- cannot search for this: there is no word in it; a word is made of letters and digits",
        ),
        ("/search", "-- it is written /search WORDS"),
        ("/rooms", r#"10: {"type":"rooms"}"#),
        ("hi", r#"11: {"type":"say","room":"lobby","text":"hi"}"#),
        ("/stats", "Measure(Once)"),
        ("/stats 5", "Measure(Every(5s))"),
        ("/stats off", "Measure(NoMore)"),
        ("/transport udp", "Move(\"udp\")"),
        ("/name Bel", "Rename(\"Bel\")"),
        (
            "/name @x",
            "-- you cannot be called that: it has '@' (U+0040); letters, numbers, symbols and - _ . + # are allowed",
        ),
        ("/quit", "Quit"),
        ("", "Nothing"),
        ("/dance", "-- there is no /dance; /help lists what there is"),
        ("/join", "-- it is written /join ROOM"),
    ] {
        assert_eq!(typed(&mut human, line), expected, "{line}");
    }
}

#[test]
fn a_text_over_the_limit_is_not_sent() {
    let mut human = human();
    human.enter("lobby", None);
    let fits = "x".repeat(MAX_TEXT);
    assert!(typed(&mut human, &fits).contains("say"));
    for line in [format!("{fits}x"), format!("/msg bob {fits}x"), format!("/topic {fits}x")] {
        assert_eq!(typed(&mut human, &line), "-- not sent: 8193 bytes are over the limit of 8192");
    }
}

#[test]
fn a_room_that_refuses_is_not_the_current_one() {
    let mut human = human();
    human.enter("lobby", None);
    human.enter("hall", None);
    let full = Error { id: None, code: Code::TooMany, message: "full".to_owned(), retry_after_ms: None };
    let lines = human.answered(&Update::Reply { tag: 2, reply: Event::Error(full) });
    assert_eq!(
        lines.iter().map(Line::to_string).collect::<Vec<_>>(),
        ["-- cannot enter hall: full", "-- what you type is said in lobby"]
    );
    assert!(typed(&mut human, "hi").contains("lobby"));
}

#[test]
fn whoever_left_a_room_learns_where_a_line_is_said() {
    let mut human = human();
    human.enter("lobby", None);
    human.enter("hall", None);
    for (room, whereabouts) in [
        ("hall", "-- what you type is said in lobby"),
        ("lobby", "-- you are in no room; /join ROOM enters one"),
    ] {
        typed(&mut human, "/leave");
        let left = Left { id: 0, room: room.to_owned() };
        let lines = human.answered(&Update::Reply { tag: human.last_tag, reply: Event::Left(left) });
        assert_eq!(
            lines.iter().map(Line::to_string).collect::<Vec<_>>(),
            [&format!("-- left {room}"), whereabouts]
        );
    }
}

#[test]
fn what_was_refused_is_shown_again() {
    let mut human = human();
    human.enter("lobby", None);
    for (line, text) in [("hi", "hi"), ("/msg bob psst", "psst"), ("/topic soup", "soup")] {
        typed(&mut human, line);
        let error = Error { id: None, code: Code::Busy, message: "no".to_owned(), retry_after_ms: None };
        let lines = human.answered(&Update::Reply { tag: human.last_tag, reply: Event::Error(error) });
        let expected = format!("-- not sent: no; it was: {text}");
        assert_eq!(lines.iter().map(Line::to_string).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn what_nobody_answered_is_named() {
    let mut human = human();
    human.enter("lobby", None);
    for (line, named) in [("hi", "hi"), ("/who", "/who"), ("/msg bob psst", "psst")] {
        typed(&mut human, line);
        let lines = human.answered(&Update::Unanswered { tag: human.last_tag });
        let expected = format!("-- no answer to: {named}");
        assert_eq!(lines.iter().map(Line::to_string).collect::<Vec<_>>(), [expected]);
    }
    assert!(human.asked.len() == 1, "only the join is waited for: {:?}", human.asked);
}
