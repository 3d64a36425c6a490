//! The screen, with people in front of it.

use super::{pty::Screen, terminal::Server};

fn join(server: &Server, name: &str) -> Screen {
    let screen = Screen::start(100, 24, &["join", &server.1, "--name", name]);
    screen.wait_for("1 here");
    screen
}

#[test]
fn two_people_talk() {
    let server = Server::start();
    let mut ana = join(&server, "ana");
    let mut bob = Screen::start(100, 24, &["join", &server.1, "--name", "bob"]);
    bob.wait_for("2 here");
    ana.press("hello there\r");
    bob.wait_for("hello there");
    bob.press("中文 👩\u{200d}👧 e\u{301}\r");
    let seen = ana.wait_for("中文");
    println!("{seen}");
    ana.press("\u{4}");
    let (status, said) = ana.ended();
    println!("{said}");
    assert!(status.success(), "{status:?}");
}
