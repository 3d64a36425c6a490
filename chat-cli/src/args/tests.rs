//! The command line: parsing.

use clap::CommandFactory;

use super::*;

#[test]
fn the_definition_is_valid() {
    Cli::command().debug_assert();
}

#[test]
fn a_server_is_a_url_or_a_host() {
    for (raw, url) in [
        ("tcp://10.0.0.1:7001", "tcp://10.0.0.1:7001"),
        ("unix:///run/chat", "unix:///run/chat"),
        ("10.0.0.1", "tcp://10.0.0.1:7000"),
        ("hall.local", "tcp://hall.local:7000"),
        ("hall.local:99", "tcp://hall.local:99"),
        ("::1", "tcp://[::1]:7000"),
        ("[::1]", "tcp://[::1]:7000"),
        ("[::1]:99", "tcp://[::1]:99"),
    ] {
        assert_eq!(server(raw).map(|address| address.to_string()), Ok(url.to_owned()), "{raw}");
    }
    for raw in ["", "tcp://", "two words", "a\u{1b}b"] {
        assert!(server(raw).is_err(), "{raw:?}");
    }
    for raw in ["7001", ":7001"] {
        assert_eq!(server(raw), Err("there is no host; write it like 192.168.1.7:7001".to_owned()));
    }
}

#[test]
fn the_first_argument_of_search_may_be_a_server() {
    let home = None;
    for (args, url, words) in [
        (&["tea"][..], home, "tea"),
        (&["red", "tea"], home, "red tea"),
        (&["10.0.0.1"], home, "10.0.0.1"),
        (&["10.0.0.1", "tea"], Some("tcp://10.0.0.1:7000"), "tea"),
        (&["hall:99", "red", "tea"], Some("tcp://hall:99"), "red tea"),
        (&["udp://hall", "red tea"], Some("udp://hall"), "red tea"),
        (&["::1", "tea"], Some("tcp://[::1]:7000"), "tea"),
        (&["localhost", "tea"], Some("tcp://localhost:7000"), "tea"),
        (&["v. 2", "tea"], home, "v. 2 tea"),
    ] {
        let args = Cli::try_parse_from([&["chat", "search"], args].concat()).unwrap();
        let Some(Command::Search(search)) = args.command else { panic!("not search: {args:?}") };
        let (server, asked) = search.server_and_words().unwrap();
        assert_eq!((server.map(|address| address.to_string()).as_deref(), asked.as_str()), (url, words));
    }
}

#[test]
fn a_message_may_begin_with_a_dash() {
    let sent = |args: &[&str]| {
        let args = Cli::try_parse_from([&["chat", "send", "10.0.0.1", "--room", "r"], args].concat());
        args.ok().map(|args| match args.command {
            Some(Command::Send(send)) => send.text().map(str::to_owned),
            other => panic!("not send: {other:?}"),
        })
    };
    let text = |text: &str| Some(Some(text.to_owned()));
    assert_eq!(sent(&["-5 degrees"]), text("-5 degrees"));
    assert_eq!(sent(&["-5"]), text("-5"));
    assert_eq!(sent(&["- item", "--name", "ana"]), text("- item"));
    assert_eq!(sent(&["--name", "ana", "-- dashes --"]), text("-- dashes --"));
    assert_eq!(sent(&["--", "--no"]), text("--no"));
    assert_eq!(sent(&["--", "-5"]), text("-5"));
    assert_eq!(sent(&["hi"]), text("hi"));
    assert_eq!(sent(&[]), Some(None));
    for mistaken in
        [&["--nmae"][..], &["--nmae", "ana"], &["--nmae=ana", "hi"], &["one", "two"], &["a", "--", "b"]]
    {
        assert_eq!(sent(mistaken), None, "{mistaken:?}");
    }
    let words = Cli::try_parse_from(["chat", "search", "-5", "--room", "r"]).unwrap();
    assert!(matches!(words.command, Some(Command::Search(search)) if search.room.is_some()));
}

#[test]
fn files_are_completed_where_a_file_is_meant() {
    to_complete().debug_assert();
    let mut script = Vec::new();
    clap_complete::generate(Shell::Bash, &mut to_complete(), "chat", &mut script);
    let script = String::from_utf8(script).unwrap();
    let after = |option: &str| {
        let at = script.find(&format!("{option})")).unwrap();
        script[at..].split("return").next().unwrap().to_owned()
    };
    for option in ["--data", "--password-file", "--output"] {
        assert!(after(option).contains("filenames"), "{}", after(option));
    }
    for option in ["--memory-limit", "--name", "--room"] {
        assert!(!after(option).contains("compgen -f"), "{}", after(option));
    }
}
