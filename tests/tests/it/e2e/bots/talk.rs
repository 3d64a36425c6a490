//! The bots that come with the project, in conversation.

use super::*;

/// protocol 7.7
#[test]
fn the_echo_answers_in_capitals() {
    for url in EVERYWHERE {
        let server = Server::at(&[url], &[]);
        let _echo = bot(server.url(), "echo", &example("upper.sh"), &[]);
        let mut ana = Process::join(server.url(), "ana", "lobby");
        assert_eq!(ask(&mut ana, "echo", "hi there"), "ana: HI THERE");
        say(&mut ana, "echo is not addressed by this: nor by this");
        say(&mut ana, "@Echo two\nlines");
        assert_eq!(said_by(&mut ana, "echo").1, "ana:\nTWO\nLINES", "and nothing before that");
        tell(&mut ana, "echo", "psst");
        let (room, text) = said_by(&mut ana, "echo");
        assert_eq!((room.as_str(), text.as_str()), ("@", "PSST"));
        let url = server.url();
        let mut tail = Process::chat(["tail", url, "--room", "lobby", "--after", "0"]);
        while !tail.line().contains("<echo bot> ana: HI THERE") {}
        for (command, mark) in [
            (&["export", url, "--room", "lobby", "--format", "text"][..], "<echo bot> ana: HI THERE"),
            (&["export", url, "--room", "lobby", "--format", "html"], "<bdi>echo</bdi> <small>bot</small>"),
            (&["search", url, "there", "--from", "echo"], "<echo bot> ana: HI *THERE*"),
            (&["search", url, "there", "--from", "echo", "--json"], r#""bot":true"#),
        ] {
            let (_, lines, errors) = Process::chat(command).exit(PATIENCE);
            assert!(lines.iter().any(|line| line.contains(mark)), "{command:?}: {lines:?} {errors}");
        }
    }
}

#[test]
fn the_menu_greets_transfers_and_ends() {
    for url in EVERYWHERE {
        let server = Server::at(&[url], &[]);
        let _menu = bot(server.url(), "menu", &example("menu.sh"), &["--session"]);
        let mut ana = Process::join(server.url(), "ana", "lobby");
        let greeting = "欢迎致电 10086！\n1  查询话费\n2  查询流量\n0  人工服务\nexit  挂机";
        converse(&mut ana, "ana", "menu", "你好", greeting);
        converse(&mut ana, "ana", "menu", "1", "您的余额为 42.00 元。");
        converse(&mut ana, "ana", "menu", "7", &format!("没有这个选项。\n{greeting}"));
        converse(&mut ana, "ana", "menu", "0", "ana，正在为您转接人工服务，请稍候。");
        let mut bob = late(server.url(), "bob");
        converse(&mut bob, "bob", "menu", "", greeting); // bob has a line of his own
        tell(&mut bob, "menu", "2");
        let (room, text) = said_by(&mut bob, "menu");
        assert!(room == "@" && text.starts_with("欢迎致电"), "and another one: {room} {text}");
        converse(&mut bob, "bob", "menu", "exit", "感谢您的来电，再见！");
        converse(&mut bob, "bob", "menu", "hi", greeting); // it begins anew
    }
}

#[test]
fn the_runner_runs_what_is_allowed_and_nothing_else() {
    for url in EVERYWHERE {
        let server = Server::at(&[url], &["--unlimited"]);
        let _ops = bot(server.url(), "ops", &example("run-allowed.sh"), &[]);
        let mut ana = Process::join(server.url(), "ana", "lobby");
        let list = "date, disk, help, uptime, who";
        assert_eq!(ask(&mut ana, "ops", "help"), format!("ana: {list}"));
        assert!(ask(&mut ana, "ops", "disk").contains('%'));
        for asked in ["rm -rf /", "date; id", "date -u", "$(id)", "`id`", "date | id", "disk /etc", "*", "id"]
        {
            let refusal = format!("ana: That is not allowed. Allowed are: {list}");
            assert_eq!(ask(&mut ana, "ops", asked), refusal, "{asked}");
        }
    }
}

/// What others say is in no argument, and who says it where is in the environment.
#[test]
fn a_program_is_told_who_asks_and_where() {
    let server = Server::start(&[]);
    let exec = r#"sh -c 'echo "$#|$CHAT_FROM|${CHAT_ROOM-none}|$CHAT_BOT|$(cat)"' zero "two words" "$(id)""#;
    let _it = bot(server.url(), "It", exec, &[]);
    let mut ana = Process::join(server.url(), "ana#1", "lobby");
    assert_eq!(ask(&mut ana, "It", "\"; id"), "ana#1: 2|ana#1|lobby|It|\"; id");
    tell(&mut ana, "it", "-n");
    assert_eq!(said_by(&mut ana, "It").1, "2|ana#1|none|It|-n");
}

/// protocol 11.1: more messages than may be said at once.
#[test]
fn a_long_output_comes_back_whole() {
    for url in EVERYWHERE {
        let server = Server::at(&[url], &[]);
        let _count = bot(server.url(), "count", "seq 40000", &["--max-output", "256KiB"]);
        let mut ana = Process::join(server.url(), "ana", "lobby");
        let mut all = ask(&mut ana, "count", "");
        let mut messages = 1;
        while !all.ends_with("\n40000") {
            all = all + "\n" + &said_by(&mut ana, "count").1;
            messages += 1;
        }
        let wanted: Vec<String> = (1..=40000).map(|number| number.to_string()).collect();
        assert_eq!(all, format!("ana:\n{}", wanted.join("\n")));
        assert!(messages > 25, "{messages} messages are more than 20 at once");
    }
}

/// protocol 14.8
#[test]
fn bots_do_not_answer_each_other() {
    for url in EVERYWHERE {
        let server = Server::at(&[url], &["--unlimited"]);
        let _one = bot(server.url(), "one", "cat", &["--all"]);
        let _two = bot(server.url(), "two", "sed 's/^/one: /'", &["--all"]);
        let _three = bot(server.url(), "three", "cat", &["--all", "--session"]);
        let mut ana = Process::join(server.url(), "ana", "lobby");
        for text in ["one: hi", "hi", "bye"] {
            say(&mut ana, text);
            let mut from = [(); 3].map(|()| {
                let by_bot = |event: &Value| (event["bot"] == true).then(|| event["from"].to_string());
                ana.expect("message by a bot", by_bot)
            });
            from.sort();
            assert_eq!(from, ["\"one\"", "\"three\"", "\"two\""], "after {text}");
        }
        let said = all_said(server.url(), 12);
        assert_eq!(said.iter().filter(|event| event["bot"] == true).count(), 9, "{said:?}");
    }
}
