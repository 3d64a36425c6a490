//! Programs that hang, die, flood or print what is no text: said in one line, and the conversation goes on.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;

use super::*;
use crate::e2e::commands::TemporaryFile;

/// Does what it is told.
const OBEDIENT: &str = r#"
read -r what
case $what in
hang) echo before; sleep 300; echo after ;;
stubborn) trap '' TERM INT HUP; sh -c 'echo $$; exec sleep 300' & wait ;;
mute) exec >&-; sleep 300 ;;
status) echo half; exit 3 ;;
signal) kill -s SEGV $$ ;;
flood) yes 'grüße' ;;
long) head -c 100000 /dev/zero | tr '\0' x ;;
binary) printf '\377\376\n' ;;
zero) printf 'a\0b\n' ;;
escape) printf '\033[31mred\033[0m\a\n' ;;
errors) echo 'oops' >&2; echo ok ;;
deaf) exec <&-; echo ok ;;
behind) sleep 300 & echo done ;;
silent) ;;
*) echo "got $what" ;;
esac"#;

#[test]
fn what_a_program_does_wrong_is_one_line() {
    for url in EVERYWHERE {
        let server = Server::at(&[url], &["--unlimited"]);
        let obedient =
            bot(server.url(), "it", OBEDIENT, &["--shell", "--timeout", "2s", "--max-output", "16KiB"]);
        let mut ana = Process::join(server.url(), "ana", "lobby");
        let too_slow = "(the program was ended: it took more than 2 s)";
        for (asked, answer) in [
            ("hang", format!("ana:\nbefore\n{too_slow}")),
            ("mute", format!("ana: {too_slow}")),
            ("status", "ana:\nhalf\n(the program ended with status 3)".to_owned()),
            ("signal", "ana: (the program was ended by signal 11)".to_owned()),
            ("binary", "ana: (the program printed something that is not text)".to_owned()),
            ("zero", "ana: (the program printed something that is not text)".to_owned()),
            ("escape", "ana: red".to_owned()),
            ("behind", "ana: done".to_owned()),
            ("errors", "ana: ok".to_owned()),
            ("deaf", "ana: ok".to_owned()),
        ] {
            assert_eq!(ask(&mut ana, "it", asked), answer, "{asked}");
            assert_eq!(ask(&mut ana, "it", "well"), "ana: got well", "after {asked}");
        }
        let cut = "(the program was ended: it printed more than 16.0 KiB)";
        for asked in ["flood", "long"] {
            let mut all = ask(&mut ana, "it", asked).len();
            loop {
                let (_, text) = said_by(&mut ana, "it");
                all += text.len();
                if let Some(rest) = text.strip_suffix(cut) {
                    assert!(!rest.contains('('), "{rest}");
                    break;
                }
            }
            assert!((16_000..17_000).contains(&all), "{all} bytes of {asked}");
        }
        say(&mut ana, "it: silent");
        assert_eq!(ask(&mut ana, "it", "well"), "ana: got well", "nothing printed is nothing said");
        let pid = ask(&mut ana, "it", "stubborn");
        gone(pid.lines().nth(1).expect("its number"));
        assert_eq!(obedient.errors(), "oops\n", "errors are for the operator");
    }
}

#[test]
fn a_program_that_cannot_be_run_is_told() {
    let server = Server::start(&[]);
    let url = server.url();
    for (exec, words) in [
        ("/nowhere/program", "cannot run /nowhere/program: there is no such program"),
        ("no-such-program-anywhere -x", "cannot run no-such-program-anywhere"),
        ("echo 'open", "a quote is not closed"),
        ("", "the command is empty"),
    ] {
        let (status, _, errors) =
            Process::chat(["bot", url, "--name", "it", "--room", "lobby", "--exec", exec]).exit(PATIENCE);
        assert_eq!(status.code(), Some(1));
        assert!(errors.contains(words) && errors.lines().count() == 1, "{errors}");
    }
    let script = TemporaryFile::with("#!/bin/sh\ncat\n"); // which nobody may execute
    let _it = bot(url, "it", script.0.to_str().expect("a plain path"), &[]);
    let mut ana = Process::join(url, "ana", "lobby");
    let answer = ask(&mut ana, "it", "hi");
    assert!(answer.starts_with("ana: (the program cannot be run: "), "{answer}");
    fs::remove_file(&script.0).expect("it is there");
    assert!(ask(&mut ana, "it", "hi").starts_with("ana: (the program cannot be run: "));
}

/// So many run at once, so many wait, and the rest is refused, once, in one line.
#[test]
fn who_asks_too_much_is_told_once_and_nobody_else_is() {
    let server = Server::start(&["--unlimited"]);
    let gate = TemporaryFile::with("");
    let exec = format!("while [ -e '{}' ]; do sleep 0.05; done; cat", gate.0.display());
    let _it = bot(server.url(), "it", &exec, &["--shell", "--at-once", "2", "--timeout", "1m"]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    let mut bob = Process::join(server.url(), "bob", "lobby");
    for number in 1..=12 {
        say(&mut ana, &format!("it: {number}"));
    }
    let busy = "ana: (too many messages are waiting; please try again later)";
    assert_eq!(said_by(&mut ana, "it").1, busy);
    say(&mut bob, "it: hi");
    let acked = |event: &Value| (event["type"] == "ack").then_some(());
    bob.expect("ack", acked);
    fs::remove_file(&gate.0).expect("it is there");
    let mut answers: Vec<String> = (0..10).map(|_| said_by(&mut ana, "it").1).collect();
    let bobs = answers.iter().position(|it| it == "bob: hi").expect("bob is answered");
    answers.remove(bobs);
    let wanted: Vec<String> = (1..=9).map(|number| format!("ana: {number}")).collect();
    assert_eq!(answers, wanted, "one runs and eight wait, in order");
    assert_eq!(ask(&mut ana, "it", "again"), "ana: again");
}

/// Nothing that it started is left when a bot ends.
#[test]
fn programs_end_with_their_bot() {
    let server = Server::start(&[]);
    let pid = TemporaryFile::with("");
    let exec = format!("echo $$ > '{}'; sleep 300", pid.0.display());
    let it = bot(server.url(), "it", &exec, &["--shell", "--timeout", "1h"]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    say(&mut ana, "it: go");
    let number = eventually("it runs", PATIENCE, || {
        fs::read_to_string(&pid.0).ok().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
    });
    it.signal(Signal::SIGTERM);
    let (status, _, errors) = it.exit(Duration::from_secs(10));
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    gone(&number);
    let left = |event: &Value| event["left"].as_array()?.contains(&"it".into()).then_some(());
    ana.expect("news that it left", left);
}
