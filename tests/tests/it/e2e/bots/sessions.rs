//! Programs that keep running for a person.

use nix::sys::signal::Signal;

use super::*;

/// Says its number, then does what it is told.
const OBEDIENT: &str = r#"
echo $$
while read -r what; do
    case $what in
    die) echo dying; exit 4 ;;
    signal) kill -s KILL $$ ;;
    flood) yes ;;
    binary) printf '\377\n' ;;
    prompt) printf 'name? '; read -r name; printf 'hello %s' "$name" ;;
    slow) printf 'gr\303'; sleep 1; printf '\274\303\237e\n' ;;
    deaf) sleep 300 ;;
    close) exec <&-; sleep 0.2; echo closed; exit ;;
    behind) sleep 300 & echo done; exit 5 ;;
    *) echo "got $what" ;;
    esac
done"#;

/// The number of a program that begins, which answers to `hi`.
fn begin(person: &mut Process, name: &str) -> String {
    say(person, "it: hi");
    let mut number = None;
    loop {
        let (_, text) = said_by(person, "it"); // also to others, and on a slow machine not all at once
        let Some(text) = text.strip_prefix(&format!("{name}:")) else { continue };
        number = number.or_else(|| text.trim_start().lines().next().map(str::to_owned));
        if text.ends_with("got hi") {
            return number.expect("it is the first thing that is said");
        }
    }
}

#[test]
fn what_a_session_does_wrong_is_one_line_and_the_next_begins_anew() {
    for url in EVERYWHERE {
        let server = Server::at(&[url], &["--unlimited"]);
        let options = ["--session", "--shell", "--max-output", "4KiB"];
        let _it = bot(server.url(), "it", OBEDIENT, &options);
        let mut ana = Process::join(server.url(), "ana", "lobby");
        for (asked, answers) in [
            ("die", &["dying", "(the program ended with status 4)"][..]),
            ("signal", &["(the program was ended by signal 9)"]),
            ("binary", &["(the program printed something that is not text)"]),
        ] {
            let number = begin(&mut ana, "ana");
            assert_eq!(ask(&mut ana, "it", asked), format!("ana: {}", answers[0]), "{asked}");
            for answer in &answers[1..] {
                assert_eq!(said_by(&mut ana, "it").1, format!("ana: {answer}"), "{asked}");
            }
            gone(&number);
        }
        let number = begin(&mut ana, "ana");
        assert!(ask(&mut ana, "it", "flood").starts_with("ana:\ny\ny\n"));
        assert_eq!(said_by(&mut ana, "it").1, "ana: (the program was ended: it printed more than 4.0 KiB)");
        gone(&number);
        begin(&mut ana, "ana");
        assert_eq!(ask(&mut ana, "it", "prompt"), "ana: name? ", "also without a newline");
        assert_eq!(ask(&mut ana, "it", "ana"), "ana: hello ana");
        assert_eq!(ask(&mut ana, "it", "slow"), "ana: gr");
        assert_eq!(said_by(&mut ana, "it").1, "ana: üße", "a character is never divided");
        assert_eq!(ask(&mut ana, "it", "close"), "ana: closed");
        begin(&mut ana, "ana");
    }
}

#[test]
fn a_session_ends_with_its_person_or_their_silence() {
    let server = Server::start(&["--unlimited"]);
    let _it = bot(server.url(), "it", OBEDIENT, &["--session", "--shell", "--idle", "3s", "--at-once", "2"]);
    let mut bob = Process::join(server.url(), "bob", "lobby");
    let bobs = begin(&mut bob, "bob");
    let mut ana = late(server.url(), "ana");
    let anas = begin(&mut ana, "ana");
    assert_ne!(anas, bobs, "each has one");
    let mut cleo = late(server.url(), "cleo");
    let busy = "cleo: (too many messages are waiting; please try again later)";
    assert_eq!(ask(&mut cleo, "it", "hi"), busy, "and a third one there is not");
    say(&mut ana, "it: deaf");
    bob.type_line(r#"{"type":"leave","room":"lobby"}"#);
    gone(&bobs);
    begin(&mut cleo, "cleo");
    let said = std::iter::from_fn(|| Some(said_by(&mut ana, "it").1)).find(|it| it.contains("ended"));
    assert_eq!(said.as_deref(), Some("ana: (the program was ended: no message came for 3 s)"));
    gone(&anas);
    assert_ne!(begin(&mut ana, "ana"), anas, "she gets another");
}

/// A program that reads nothing does not keep its person waiting for ever for a word about it.
#[test]
fn lines_that_are_not_read_are_refused_once() {
    let server = Server::start(&["--unlimited"]);
    let it = bot(server.url(), "it", "sleep 300", &["--session", "--idle", "1h"]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    let long = "x".repeat(8000);
    for _ in 0..40 {
        say(&mut ana, &format!("it: {long}"));
    }
    assert_eq!(said_by(&mut ana, "it").1, "ana: (too many messages are waiting; please try again later)");
    say(&mut ana, "the end");
    let last = |event: &Value| (event["text"] == "the end").then(|| event["seq"].as_u64());
    let last = ana.expect("the end", last).expect("a number");
    let said = all_said(server.url(), last);
    assert_eq!(said.iter().filter(|event| event["bot"] == true).count(), 1);
    it.signal(Signal::SIGTERM); // and its program ends with it
    assert!(it.exit(PATIENCE).0.success());
}
