//! Secrets stay out of the log, however much is logged.

use std::process::Command;

use chat_core::wire::Event;

use super::{
    commands::TemporaryFile,
    harness::{PATIENCE, RawUdp, Server, eventually, program},
};

/// protocol 2.2, protocol 2.7, protocol 15.9, protocol 15.10
#[test]
fn a_log_of_everything_holds_no_secret() {
    let password = "a-password-to-look-for";
    let file = TemporaryFile::with(password);
    let path = file.0.to_str().expect("a plain path");
    for format in ["human", "json"] {
        let mut command = Command::new(program());
        let server = Server::run_at(
            command.env("RUST_LOG", "trace"),
            &["tcp://127.0.0.1:0", "udp://127.0.0.1:0"],
            &["--password-file", path, "--log", format],
        );
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

        let mut udp = RawUdp::connect(server.udp_port());
        let Event::Welcome(over_udp) = udp.hello(&format!(r#""name":"bob"{known}"#)) else {
            panic!("bob is out")
        };
        let joined = udp.ask(1, r#""type":"join","room":"lobby""#);
        assert_eq!(joined["type"], "joined");
        udp.send(format!(
            r#"{{"type":"ping","id":"broken","link":"{}","cookie":"{}"}}"#,
            udp.link, udp.cookie
        ));
        let elsewhere = RawUdp::connect(server.udp_port());
        elsewhere.send(format!(r#"{{"type":"ping","id":2,"link":"{}"}}"#, udp.link));
        let moved = elsewhere.receive();
        assert_eq!(moved["type"], "challenge");
        let cookie = moved["cookie"].as_str().expect("a challenge has one");
        udp.ask(3, r#""type":"ping""#);
        eventually("what happened is logged", PATIENCE, || server.log().contains("bob").then_some(()));

        let log = server.log();
        for secret in [
            password,
            "wrong-password-to-look-for",
            &welcome.resume,
            &resumed.resume,
            &over_udp.resume,
            &udp.link,
            &udp.cookie,
            cookie,
        ] {
            assert!(secret.len() > 10, "there is one");
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
    }
}

const CLIENT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
