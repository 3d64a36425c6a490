//! A server that keeps its rooms: where, for how long, and for itself alone.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    chat, failure,
    process::{Server, Started, in_time, program},
    text,
};

/// A server that listens.
fn serve(configure: impl FnOnce(&mut Command)) -> Server {
    let mut serve = program();
    serve.args(["serve", "--no-announce", "--listen", "tcp://127.0.0.1:0"]).env("RUST_LOG", "warn");
    configure(&mut serve);
    Server::of(&mut serve)
}

fn serve_in(data: &Path) -> Server {
    serve(|it| _ = it.arg("--data").arg(data))
}

#[test]
fn what_was_said_is_there_again_after_a_restart_and_after_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("deep").join("down");
    for (round, signal) in ["-TERM", "-KILL", "-TERM"].into_iter().enumerate() {
        let Server(child, url) = serve_in(&data);
        let said = format!("round {round}");
        let send = chat(&["send", &url, "--room", "lobby", "--name", "ana", &said]);
        assert!(send.status.success(), "{}", text(&send.stderr));
        let (url, wanted) = (url.clone(), round + 1);
        let tail = ["tail", &url, "--room", "lobby", "--after", "0", "--name", "bob"];
        let mut tail = Started::by(program().args(tail).stdout(Stdio::piped()));
        let lines = BufReader::new(tail.child().stdout.take().unwrap()).lines();
        let held: Vec<String> = in_time(move || {
            lines.map_while(Result::ok).filter(|it| !it.starts_with("--")).take(wanted).collect()
        });
        for (number, line) in held.iter().enumerate() {
            assert!(line.ends_with(&format!("round {number}")), "{held:?}");
        }
        tail.told_to_end("-TERM");
        let ended = child.told_to_end(signal);
        assert_eq!(ended.success(), signal == "-TERM", "{ended}");
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join("chat.db")), 0o600, "nobody else reads it");
}

#[test]
fn a_second_server_on_the_same_rooms_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let Server(child, _) = serve_in(home.path());
    let data = home.path().to_str().unwrap();
    let said = failure(&["serve", "--no-announce", "--listen", "tcp://127.0.0.1:0", "--data", data]);
    assert!(said.contains("in use by another server"), "{said}");
    assert!(child.told_to_end("-TERM").success());
    let Server(child, _) = serve_in(home.path());
    assert!(child.told_to_end("-TERM").success(), "it is free again");
}

#[test]
fn without_a_place_it_takes_the_one_for_data_of_this_account() {
    let home = tempfile::tempdir().unwrap();
    let Server(child, _) = serve(|it| _ = it.env("XDG_DATA_HOME", home.path()));
    assert!(home.path().join("chat").join("chat.db").exists());
    assert!(child.told_to_end("-TERM").success());
}

#[test]
fn a_place_that_cannot_be_had_is_one_line() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let said = failure(&["serve", "--no-announce", "--data", file.to_str().unwrap()]);
    assert!(said.starts_with(&format!("chat: cannot keep rooms in {}: ", file.display())), "{said}");
    let garbage = home.path().join("garbage");
    fs::create_dir(&garbage).unwrap();
    fs::write(garbage.join("chat.db"), "x".repeat(5000)).unwrap();
    let said = failure(&["serve", "--no-announce", "--data", garbage.to_str().unwrap()]);
    assert!(said.contains("is not the log of a chat"), "{said}");
}

#[test]
fn what_is_over_the_limit_goes_and_who_reads_there_is_told() {
    let home = tempfile::tempdir().unwrap();
    let Server(child, url) =
        serve(|it| _ = it.args(["--unlimited", "--keep", "1MiB", "--data"]).arg(home.path()));
    let said: String = (0..300).map(|n| format!("{n} {}\n", "x".repeat(8000))).collect();
    let mut join = assert_cmd::Command::from_std(program());
    join.args(["join", &url, "--json", "--name", "ana"]).write_stdin(said).timeout(Duration::from_secs(60));
    let joined = join.output().unwrap();
    assert!(joined.status.success(), "{}", text(&joined.stderr));
    let export = chat(&["export", &url, "--room", "lobby", "--format", "jsonl", "--name", "bob"]);
    assert!(export.status.success(), "{}", text(&export.stderr));
    let lines: Vec<&str> = text(&export.stdout).lines().collect();
    assert!(lines[0].starts_with(r#"{"type":"gap","room":"lobby","from":1,"#), "{}", lines[0]);
    assert!((100..140).contains(&lines.len()), "a mebibyte of them: {}", lines.len());
    assert!(lines.last().unwrap().contains(r#""text":"299 x"#));
    assert!(child.told_to_end("-TERM").success());
}
