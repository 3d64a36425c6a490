//! The screen, with people in front of it.

use std::{io::Write, net::TcpListener, thread, time::Duration};

use super::{
    process::{Server, chat},
    pty::Screen,
};

pub(crate) fn join(server: &Server, name: &str) -> Screen {
    let screen = Screen::start(100, 24, &["join", &server.1, "--name", name]);
    screen.wait_for(" here");
    screen
}

/// The column and row where `text` begins.
fn place(screen: &vt100::Screen, text: &str) -> Option<(u16, u16)> {
    let (rows, columns) = screen.size();
    let first = text.chars().next()?;
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
    cells.into_iter().find(|(column, row)| {
        let begins = screen.cell(*row, *column).is_some_and(|cell| cell.contents().starts_with(first));
        begins && screen.contents_between(*row, *column, *row, columns).starts_with(text)
    })
}

#[test]
fn two_people_talk_and_wide_characters_keep_their_places() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    let mut bob = join(&server, "bob");
    ana.press("hello there\r");
    bob.wait_for("  hello there");
    bob.press("中文 é\r");
    bob.press("ana: 👩\u{200d}👧|\r");
    ana.wait("bob's words in place, and the people beside them", |screen| {
        // Two columns each: what follows begins there.
        let at = |text| place(screen, text);
        let (Some((hello, _)), Some((chinese, _))) = (at("hello there"), at("中文 é")) else {
            return false;
        };
        let bar = at("|").map(|(column, _)| column);
        chinese == hello && bar == Some(hello + 7) && at("! ana:").is_some()
    });
    // By graphemes, whatever they are made of.
    ana.press("x中e\u{301}\u{7f}\u{7f}y");
    ana.wait_for("> xy");
    assert!(ana.printed().contains(&7), "the bell rings for one's name");
    ana.press("\x01\x0b"); // back to the beginning, and all of it away
    ana.press("\x04");
    let status = ana.ended();
    assert!(status.success());
    bob.wait_for("1 here");
    bob.press("/quit\r");
    assert!(bob.ended().success());
}

#[test]
fn a_paste_is_one_message_and_completing_finds_names() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    let bob = join(&server, "bob");
    ana.wait_for("2 here");
    ana.press("bo\t\x1b[200~first\r\nsecond\x1b[31m\n/quit\x1b[201~\r");
    bob.wait("all of it", |screen| {
        let below =
            |text, lines| place(screen, "bob: first").map(|(x, y)| (x, y + lines)) == place(screen, text);
        below("second", 1) && below("/quit", 2)
    });
}

#[test]
fn direct_messages_have_a_room_of_their_own() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    let mut bob = join(&server, "bob");
    ana.press("/msg bob psst\r");
    ana.wait("ana's side of it", |screen| {
        place(screen, "2 @bob").is_some() && place(screen, "psst").is_some()
    });
    bob.wait_for("@ana");
    bob.wait_for("1 !1");
    bob.press("\x1b2");
    bob.wait_for("psst");
    bob.press("yes?\r");
    ana.wait_for("yes?");
}

#[test]
fn what_was_said_is_searched_and_gone_to() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    ana.press("red tea is here\r");
    ana.wait_for("  red tea is here");
    ana.press("/search red\r");
    ana.wait_for("that is all");
    ana.press("\r");
    ana.wait_for("> red tea is here");
    ana.press("?");
    ana.wait_for("Keys and commands");
    ana.press("\x1b");
    ana.wait_without("Keys and commands");
}

#[test]
fn names_and_transports_are_changed_in_the_middle() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    let bob = join(&server, "bob");
    ana.press("before\r");
    ana.wait_for("  before");
    ana.press("/name Bel\r");
    ana.wait_for("you are Bel");
    ana.press("after\r");
    bob.wait("both, by both names", |screen| {
        let contents = screen.contents();
        ["before", "after", "Bel"].iter().all(|it| contents.contains(it)) && !contents.contains(" ana\n")
    });
    ana.wait("both, once", |screen| {
        let contents = screen.contents();
        ["before", "after"].iter().all(|it| contents.matches(it).count() == 1)
    });
    ana.press("/name bob\r");
    ana.wait_for("cannot join");
    ana.press(&format!("/transport {}\r", server.1.replace("127.0.0.1", "localhost")));
    ana.wait_for("going on at tcp://localhost");
    ana.press("elsewhere\r");
    bob.wait_for("elsewhere");
    ana.press("/transport nonsense\r");
    ana.wait_for("cannot go on");
}

/// protocol 14.6
#[test]
fn hostile_words_are_harmless() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    for text in hostile() {
        server.say("evil", &text);
    }
    ana.wait_for("the end of it");
    ana.wait("a terminal as it should be", |screen| screen.alternate_screen() && screen.bracketed_paste());
    ana.wait("evil at the left edge alone", |screen| {
        let names = screen.contents().lines().filter(|it| it.contains("<admin>")).count();
        // With the hour behind it: among the people there may be one of this name.
        let at_edge =
            ["evil 0", "evil 1", "evil 2"].iter().find_map(|name| place(screen, name)).map(|(x, _)| x);
        names > 0 && place(screen, "<admin>").is_some_and(|(x, _)| Some(x) > at_edge)
    });
    // What was printed is what this program prints: no commands but its own.
    let printed = String::from_utf8_lossy(&ana.printed()).into_owned();
    for forbidden in ["\x1b]", "\x1bP", "\x1b[6n", "\x1bc", "\u{9b}", "\u{202e}", "\u{2066}"] {
        assert!(!printed.contains(forbidden), "{forbidden:?}");
    }
    assert!(!printed.replace("\x1b[?1000h", "").contains("1000h"));
    ana.press("\x04");
    assert!(ana.ended().success());
}

fn hostile() -> Vec<String> {
    let zalgo = format!("z{}", "\u{301}".repeat(500));
    let wide = format!("👩{}", "\u{200d}👩".repeat(900));
    [
        &wide,
        &zalgo,
        "x\n<admin> 12:00\n  hello",
        "\u{202e}reversed\u{2066}",
        "\u{feff}\u{200b}",
        "the end of it",
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_storm_of_sizes_leaves_it_in_place() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    ana.press("here I am 中文\r");
    ana.wait_for("  here I am");
    for round in 0..60_u16 {
        ana.resize(1 + round * 7 % 120, 1 + round * 5 % 40);
    }
    ana.resize(19, 10);
    ana.wait_for("too small");
    ana.resize(30, 6);
    ana.wait("messages and input", |screen| {
        let contents = screen.contents();
        contents.contains("here I am 中文")
            && contents.trim_end().ends_with('>')
            && !contents.contains("tcp://")
    });
    ana.resize(100, 24);
    ana.wait_for("1 here");
    ana.wait_for("tcp://");
}

#[test]
fn it_is_drawn_anew_when_asked_and_when_what_moves_may_have_been_wider() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    let clears = |ana: &Screen| ana.printed().windows(4).filter(|it| it == b"\x1b[2J").count();
    let at_first = clears(&ana);
    ana.press("\x0cstill here");
    ana.wait_for("> still here");
    ana.press("\r");
    ana.wait_for("  still here");
    assert_eq!(clears(&ana), at_first + 1);
    // As a terminal has it that puts the halves of a flag side by side, one of them would stay behind.
    ana.press("🇩🇪 flag\r");
    ana.wait_for("  🇩🇪 flag");
    ana.press("and on\r");
    ana.wait_for("  and on");
    ana.press("next");
    ana.wait_for("> next"); // and so the frame before is there whole
    assert!(clears(&ana) > at_first + 1);
    assert!(!String::from_utf8_lossy(&ana.printed()).contains("\x1b[6n"), "no answer is waited for");
}

#[test]
fn a_lost_server_is_counted_down_to_and_nothing_written_is_lost() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::keeping(data.path(), &["--listen", "tcp://127.0.0.1:0"]);
    let url = server.1.clone();
    let mut ana = join(&server, "ana");
    drop(server); // killed
    ana.wait_for("reconnecting… next try in");
    ana.press("while away\r");
    ana.wait_for("~ while away");
    let server = Server::keeping(data.path(), &["--listen", &url]);
    ana.wait_without("reconnecting");
    ana.wait_without("~ while away");
    ana.wait("it, once", |screen| screen.contents().matches("while away").count() == 1);
    let bob = join(&server, "bob");
    bob.wait_for("while away");
}

#[test]
fn the_terminal_is_given_back_to_whoever_ends_it() {
    let server = Server::start();
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut ana = join(&server, "ana");
        ana.signal(signal);
        assert_eq!(ana.ended().code(), Some(0), "{signal}");
    }
}

/// The program gives up, with one line on a terminal as it was.
fn gives_up(args: &[&str], line: &str) {
    let mut screen = Screen::start(100, 24, args);
    assert_eq!(screen.ended().code(), Some(1), "{line}");
    screen.wait(line, |screen| {
        let contents = screen.contents();
        let is_said = contents.starts_with(line) && screen.cursor_position().1 == 0;
        is_said && !contents.contains("lobby")
    });
}

#[test]
fn whoever_is_not_let_in_is_told_in_a_line() {
    let server = Server::start();
    let _ana = join(&server, "ana");
    gives_up(&["join", &server.1, "--name", "ana"], &format!("chat: cannot join {}: ", server.1));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let other =
        thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    gives_up(&["join", &url, "--name", "ana"], &format!("chat: cannot join {url}: "));
    other.join().unwrap().unwrap();
    gives_up(&["join", &url, "--name", "ana"], &format!("chat: cannot join {url}: ")); // nobody is there any more
}

#[test]
fn whoever_leaves_without_the_server_is_told_what_was_not_stored() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    drop(server);
    ana.wait_for("reconnecting");
    ana.press("too late\r");
    ana.wait_for("~ too late");
    ana.press("\x04");
    assert_eq!(ana.ended().code(), Some(1));
    ana.wait_for("chat: left before 1 message was stored");
}

#[test]
fn a_server_that_comes_back_and_refuses_is_told_of_on_a_terminal_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = Server::keeping(&data, &["--listen", "tcp://127.0.0.1:0"]);
    let url = server.1.clone();
    let mut ana = join(&server, "ana");
    drop(server);
    ana.wait_for("reconnecting");
    let password = home.path().join("password");
    std::fs::write(&password, "secret").unwrap();
    let _server = Server::keeping(&data, &["--listen", &url, "--password-file", password.to_str().unwrap()]);
    assert_eq!(ana.ended().code(), Some(1));
    ana.wait_for("chat: the server no longer lets you in: ");
}

#[test]
fn history_goes_back_as_far_as_it_is_told() {
    let server = Server::start_with(&["--unlimited", "--listen", "tcp://127.0.0.1:0"]);
    let said: String = (1..=300).map(|number| format!("number {number}.\n")).collect();
    let mut bob = assert_cmd::Command::from_std(chat(&["join", &server.1, "--name", "bob", "--plain"]));
    bob.write_stdin(said).timeout(Duration::from_secs(60)).assert().success();
    let mut ana = join(&server, "ana");
    ana.wait_for("number 300.");
    ana.press("/history 250\r");
    ana.wait("what was said 250 messages before", |screen| {
        // The first in view was about number 282.
        screen.contents().contains("number 35.") && !screen.contents().contains("number 60.")
    });
    ana.press("/history 1000\r");
    ana.wait_for("number 1.");
    ana.press("\x1b");
    ana.wait_for("number 300.");
}
