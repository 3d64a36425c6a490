//! Terminals that are not as expected: programs are stopped in them, ends of pastes are lost, letters are drawn side by side,
//! and the size is unknown.

use super::{process::Server, pty::Screen, screen::join};

/// Linux tells in /proc what state a process is in.
#[cfg(target_os = "linux")]
#[test]
fn it_is_stopped_like_any_job_and_drawn_anew() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    ana.press("half");
    ana.wait_for("> half");
    for stop in ["\x1a", "-TSTP"] {
        match stop {
            "\x1a" => ana.press(stop),
            signal => ana.signal(signal),
        }
        ana.wait("a terminal that is given back", |screen| {
            let has_mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
            !screen.alternate_screen() && !screen.bracketed_paste() && !has_mouse
        });
        ana.stopped();
        assert!(ana.has_its_modes());
        server.say("bob", "meanwhile");
        ana.signal("-CONT");
        ana.wait("what was typed, and what was said", |screen| {
            let contents = screen.contents();
            screen.alternate_screen() && contents.contains("meanwhile") && contents.contains("> half")
        });
    }
    // SIGSTOP cannot be caught. The shell makes the terminal its own meanwhile.
    ana.signal("-STOP");
    ana.stopped();
    ana.restore_modes();
    ana.signal("-CONT");
    ana.wait_for_own_modes();
    ana.press(" and half\r");
    ana.wait_for("  half and half");
    ana.press("\x04");
    assert!(ana.ended().success());
}

#[test]
fn a_paste_whose_end_is_lost_ends_by_itself() {
    for args in [&[][..], &["--plain"]] {
        let server = Server::start();
        let mut ana = Screen::start(100, 24, &[&["join", &server.1, "--name", "ana"], args].concat());
        ana.wait_for(" here");
        ana.press("\x1b[200~pasted\rwithout end");
        ana.wait_for("without end");
        ana.press(" and typed\r");
        ana.wait_for("without end and typed");
        ana.press("\x1b[200~more");
        ana.press("\x03");
        ana.wait_for("> more");
        ana.press("\x03");
        ana.wait_without("> more");
        ana.press("\x04");
        assert!(ana.ended().success());
    }
}

/// Terminals that draw two letters of a cluster keep the second one, unless it is cleared.
#[test]
fn nothing_is_left_of_letters_that_are_drawn_side_by_side() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    for word in ["नमस्ते", "ক্ষ", "क्षत्रिय", "প্রশ্ন", "ශ්\u{200d}රී"]
    {
        ana.press(&format!("x {word}."));
        ana.wait("what is typed", |screen| {
            screen.contents().contains("> x ") && screen.contents().contains('.')
        });
        ana.press("\x15");
        ana.wait(&format!("an empty line after {word}"), |screen| {
            let last = screen.rows(0, 100).last().unwrap_or_default();
            last.trim_end() == ">"
        });
    }
}

#[test]
fn a_terminal_that_does_not_know_its_size_is_drawn_on() {
    let server = Server::start();
    let mut ana = Screen::start(0, 0, &["join", &server.1, "--name", "ana"]);
    ana.wait_for(" here");
    ana.press("hello\r");
    ana.wait_for("  hello");
    ana.press("\x04");
    assert!(ana.ended().success());
}
