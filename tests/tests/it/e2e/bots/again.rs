//! Bots that lose their server or their link: nothing is answered twice, and nothing that was said before they came.

use nix::sys::signal::Signal;

use super::*;
use crate::e2e::{
    cuts::Proxy,
    harness::{Fate, UdpProxy},
};

/// protocol 14.8
#[test]
fn a_server_that_comes_back_finds_its_bots_and_nothing_old_is_answered() {
    for url in EVERYWHERE {
        let data = tempfile::tempdir().expect("a directory can be made");
        let data = ["--unlimited", "--data", data.path().to_str().expect("a plain path")];
        let server = Server::at(&[url], &data);
        let url = server.url().to_owned();
        let echo = bot(&url, "echo", "tr a-z A-Z", &[]);
        let menu = bot(&url, "menu", &example("menu.sh"), &["--session"]);
        let mut ana = Process::join(&url, "ana", "lobby");
        assert_eq!(ask(&mut ana, "echo", "one"), "ana: ONE");
        ask(&mut ana, "menu", "0");
        ana.type_line(r#"{"type":"bye"}"#);
        ana.exit(PATIENCE);
        // They sleep while the server is another one and something is said to them.
        echo.signal(Signal::SIGSTOP);
        menu.signal(Signal::SIGSTOP);
        server.signal(Signal::SIGKILL);
        server.exit(PATIENCE);
        let server = Server::at(&[&url], &data);
        let mut ana = Process::join(&url, "ana", "lobby");
        say(&mut ana, "echo: while it was away");
        say(&mut ana, "menu: 1");
        for bot in [&echo, &menu] {
            bot.signal(Signal::SIGCONT);
        }
        let mut entered = vec!["echo", "menu"];
        while !entered.is_empty() {
            let names = ana.expect("news of who entered", |event| event["entered"].as_array().cloned());
            entered.retain(|name| !names.contains(&Value::from(*name)));
        }
        assert_eq!(ask(&mut ana, "echo", "two"), "ana: TWO", "and nothing before that");
        ask(&mut ana, "menu", "2");
        let said = all_said(server.url(), 8);
        let texts: Vec<&str> = said.iter().filter_map(|event| event["text"].as_str()).collect();
        let answers = texts.iter().filter(|text| text.starts_with("ana:")).count();
        assert!(!texts.contains(&"ana: WHILE IT WAS AWAY") && answers >= 4, "{texts:?}");
        assert!(
            !texts.iter().any(|text| text.contains("您的余额")),
            "nobody chose 1 while it was there: {texts:?}"
        );
        for text in ["ana: ONE", "ana: TWO"] {
            assert_eq!(texts.iter().filter(|it| **it == text).count(), 1, "{texts:?}");
        }
    }
}

/// protocol 14.8: a session that goes on misses nothing.
#[test]
fn a_bot_whose_link_is_cut_twenty_times_answers_each_once() {
    let server = Server::start(&["--unlimited"]);
    let proxy = Proxy::start(server.port(), 20, 3);
    let _echo = bot(&proxy.address().to_string(), "echo", "cat", &[]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    let mut asked = 0;
    while proxy.cuts() < 20 {
        asked += 1;
        assert_eq!(ask(&mut ana, "echo", &asked.to_string()), format!("ana: {asked}"));
    }
    assert_eq!(ask(&mut ana, "echo", "end"), "ana: end");
    let said = all_said(server.url(), 2 * asked + 2);
    assert_eq!(said.len() as u64, 2 * asked + 2, "nothing was answered twice");
}

#[test]
fn a_bot_on_a_bad_network_answers_each_once_and_whole() {
    let server = Server::at(&["udp://127.0.0.1:0"], &["--unlimited"]);
    let proxy = UdpProxy::start(server.udp_port(), Fate { lost: 20, doubled: 10, overtaken: 20 }, 11);
    let _echo = bot(&proxy.url(), "echo", "cat", &[]);
    let _count = bot(&proxy.url(), "count", "seq 5000", &[]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    for number in 1..=20 {
        assert_eq!(ask(&mut ana, "echo", &number.to_string()), format!("ana: {number}"));
    }
    let mut all = ask(&mut ana, "count", "");
    while !all.ends_with("\n5000") {
        all = all + "\n" + &said_by(&mut ana, "count").1;
    }
    assert_eq!(all.lines().count(), 5001, "the name and every number");
    let said = all_said(server.url(), 44);
    assert_eq!(said.len(), 44, "nothing was answered twice: {said:?}");
}
