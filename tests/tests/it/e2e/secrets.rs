//! Secrets stay out of the log, however much is logged.

use std::process::Command;

use chat_core::wire::Event;

use super::{
    commands::TemporaryFile,
    harness::{PATIENCE, Server, eventually, program},
};

/// protocol 2.2, protocol 2.7
#[test]
fn a_log_of_everything_holds_no_secret() {
    let password = "a-password-to-look-for";
    let file = TemporaryFile::with(password);
    let path = file.0.to_str().expect("a plain path");
    for format in ["human", "json"] {
        let mut command = Command::new(program());
        let server =
            Server::run(command.env("RUST_LOG", "trace"), &["--password-file", path, "--log", format]);
        let hello = |name: &str, more: &str| {
            format!(r#"{{"type":"hello","protocol":1,"name":"{name}","client":"{CLIENT}"{more}}}"#)
        };
        let known = format!(r#","password":"{password}""#);

        let mut raw = server.raw();
        raw.frame(hello("ana", r#","password":"wrong-password-to-look-for""#));
        assert!(matches!(raw.rest()[..], [Event::Error(_)]), "a wrong password is refused");
        let mut raw = server.raw();
        raw.frame(hello("ana", &known));
        let Some(Event::Welcome(welcome)) = raw.event() else { panic!("ana is not welcomed") };
        raw.reply(1, r#"{"type":"join","id":1,"room":"lobby"}"#);
        raw.reply(2, r#"{"type":"say","id":2,"room":"lobby","text":"hi"}"#);
        let mut again = server.raw();
        again.frame(hello("ana", &format!(r#"{known},"resume":"{}""#, welcome.resume)));
        let Some(Event::Welcome(resumed)) = again.event() else { panic!("ana is not welcomed again") };
        assert!(resumed.resumed);
        raw.rest();
        again.frame(r#"{"type":"hello","resume":"broken"#);
        again.rest();
        eventually("what happened is logged", PATIENCE, || server.log().contains("ana").then_some(()));

        let log = server.log();
        for secret in [password, "wrong-password-to-look-for", &welcome.resume, &resumed.resume] {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
    }
}

const CLIENT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
