//! What bytes mean, by table and in pieces, and pastes whose end does not come.

use proptest::prelude::*;

use super::*;

fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn pasted(text: &str) -> Event {
    Event::Paste(text.to_owned())
}

#[test]
fn bytes_mean_keys() {
    let (none, shift, alt, ctrl) =
        (KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::ALT, KeyModifiers::CONTROL);
    for (bytes, code, modifiers) in [
        (&b"x"[..], KeyCode::Char('x'), none),
        (b"X", KeyCode::Char('X'), shift),
        ("é".as_bytes(), KeyCode::Char('é'), none),
        ("好".as_bytes(), KeyCode::Char('好'), none),
        ("🎉".as_bytes(), KeyCode::Char('🎉'), none),
        (b"\r", KeyCode::Enter, none),
        (b"\n", KeyCode::Char('j'), ctrl),
        (b"\x1b\r", KeyCode::Enter, alt),
        (b"\t", KeyCode::Tab, none),
        (b"\x1b[Z", KeyCode::BackTab, shift),
        (b"\x7f", KeyCode::Backspace, none),
        (b"\x1b\x7f", KeyCode::Backspace, alt),
        (b"\x03", KeyCode::Char('c'), ctrl),
        (b"\x1a", KeyCode::Char('z'), ctrl),
        (b"\x1b3", KeyCode::Char('3'), alt),
        (b"\x1b[A", KeyCode::Up, none),
        (b"\x1bOB", KeyCode::Down, none),
        (b"\x1b[1;5C", KeyCode::Right, ctrl),
        (b"\x1b[1;3A", KeyCode::Up, alt),
        (b"\x1b[H", KeyCode::Home, none),
        (b"\x1b[1~", KeyCode::Home, none),
        (b"\x1b[4~", KeyCode::End, none),
        (b"\x1b[1;5F", KeyCode::End, ctrl),
        (b"\x1b[3~", KeyCode::Delete, none),
        (b"\x1b[3;5~", KeyCode::Delete, ctrl),
        (b"\x1b[5~", KeyCode::PageUp, none),
        (b"\x1bOP", KeyCode::F(1), none),
        (b"\x1b[11~", KeyCode::F(1), none),
        (b"\x1b[[A", KeyCode::F(1), none),
        (b"\x1b[13;2u", KeyCode::Enter, shift),
        (b"\x1b[27;3;13~", KeyCode::Enter, alt),
        (b"\x1b[97;5u", KeyCode::Char('a'), ctrl),
        (b"\xf6", KeyCode::Char('\u{fffd}'), none), // of Latin-1
        (b"\xe9", KeyCode::Char('\u{fffd}'), none),
    ] {
        let mut decoder = Decoder::default();
        let mut events = decoder.push(bytes);
        events.append(&mut decoder.on_silence());
        assert_eq!(events, [pressed(code, modifiers)], "{bytes:?}");
    }
}

#[test]
fn an_escape_alone_is_a_key_once_nothing_follows_it() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.push(b"\x1b"), []);
    assert_eq!(decoder.patience(), Some(SEQUENCE_PAUSES));
    assert_eq!(decoder.push(b"[B"), [pressed(KeyCode::Down, KeyModifiers::NONE)]);
    assert_eq!((decoder.patience(), decoder.push(b"\x1b")), (None, vec![]));
    assert_eq!(decoder.on_silence(), [pressed(KeyCode::Esc, KeyModifiers::NONE)]);
    assert_eq!(decoder.push(b"\x1b[1;"), []);
    assert_eq!(decoder.on_silence(), [], "a sequence that is not ended is nothing");
    assert_eq!(decoder.push(b"x"), [pressed(KeyCode::Char('x'), KeyModifiers::NONE)]);
}

#[test]
fn the_mouse_and_the_focus_are_reported() {
    let click =
        |kind, column, row| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    let mut decoder = Decoder::default();
    assert_eq!(
        decoder.push(b"\x1b[<0;3;2M\x1b[<0;3;2m\x1b[<64;1;1M\x1b[<69;1;1M\x1b[I\x1b[O\x1b[<35;1;1M"),
        [
            click(MouseEventKind::Down(MouseButton::Left), 2, 1),
            click(MouseEventKind::ScrollUp, 0, 0),
            click(MouseEventKind::ScrollDown, 0, 0),
            Event::FocusGained,
            Event::FocusLost,
        ]
    );
}

#[test]
fn what_is_pasted_is_no_key() {
    let mut decoder = Decoder::default();
    let x = pressed(KeyCode::Char('x'), KeyModifiers::NONE);
    assert_eq!(
        decoder.push("\x1b[200~a\rб\x1b[A\x1b[201~x\x1b[200~\x1b[201~".as_bytes()),
        [pasted("a\rб\x1b[A"), x.clone(), pasted("")]
    );
    assert_eq!(decoder.push(b"\x1b[201~x"), [x], "an end without a begin means nothing");
}

#[test]
fn a_paste_whose_end_is_lost_ends_by_itself() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.push(b"\x1b[200~one\rtwo\x1b[20"), []);
    assert_eq!(decoder.patience(), Some(PASTE_PAUSES));
    assert_eq!(decoder.on_silence(), [pasted("one\rtwo\x1b[20")]);
    let enter = pressed(KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(decoder.push(b"\r"), std::slice::from_ref(&enter));

    assert_eq!(decoder.push(b"\x1b[200~three"), []);
    assert_eq!(decoder.push(b"\x03"), [pasted("three")], "Ctrl-C ends it at once");
    assert_eq!(decoder.push(b"\r"), [enter]);
}

#[test]
fn a_paste_without_end_takes_no_memory_without_end() {
    let mut decoder = Decoder::default();
    decoder.push(b"\x1b[200~");
    for _ in 0..2 * MAX_PASTE / 4096 {
        assert_eq!(decoder.push(&[b'x'; 4096]), []);
    }
    let events = decoder.push(PASTE_ENDS);
    assert!(matches!(&events[..], [Event::Paste(text)] if text.len() == MAX_PASTE));
}

proptest! {
    #[test]
    fn in_pieces_the_same_bytes_mean_the_same(
        parts in prop::collection::vec("(x|é|\u{1b}\\[A|\u{1b}\\[1;5C|\u{1b}\\[<0;3;2M|\u{1b}OP|\r|\u{1b}\\[200~paste\r\u{1b}\\[201~)", 0..12),
        cuts in prop::collection::vec(1_usize..5, 1..8),
    ) {
        let bytes = parts.concat().into_bytes();
        let whole = Decoder::default().push(&bytes);
        let (mut decoder, mut events, mut rest, mut at) = (Decoder::default(), Vec::new(), &bytes[..], 0);
        while !rest.is_empty() {
            let cut = cuts[at % cuts.len()].min(rest.len());
            events.extend(decoder.push(&rest[..cut]));
            (rest, at) = (&rest[cut..], at + 1);
        }
        prop_assert_eq!(events, whole);
    }

    #[test]
    fn no_bytes_stop_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        decoder.on_silence();
        prop_assert_eq!(decoder.push(b"x"), [pressed(KeyCode::Char('x'), KeyModifiers::NONE)]);
    }
}
