//! Settings: where they are looked for, what is said about them, and the name that is asked for once.

use std::{fs, path::Path, process::Command};

use crate::{
    process::{Server, program},
    pty::Screen,
    text,
};

/// The program, with the settings in `home`.
fn chat_in(home: &Path) -> Command {
    let mut chat = program();
    chat.env("XDG_CONFIG_HOME", home).env("USER", "login");
    chat
}

fn write(home: &Path, settings: &str) -> String {
    let folder = home.join("chat");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), settings).unwrap();
    folder.join("config.toml").display().to_string()
}

#[test]
fn every_setting_is_shown_with_its_origin() {
    let home = tempfile::tempdir().unwrap();
    let output = chat_in(home.path()).arg("config").output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("There is no settings file; it would be "), "{said}");
    let path = write(home.path(), "# mine\nname = \"ana\"\nrooms = [\"hall\", \"厨房\"]\n");
    let output = chat_in(home.path()).arg("config").env("CHAT_COLOURS", "never").output().unwrap();
    let said = text(&output.stdout);
    let words: Vec<String> =
        said.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        words,
        [
            "name ana settings file, line 2",
            "rooms hall, 厨房 settings file, line 3",
            "server tcp://127.0.0.1:7000 default",
            "colours never CHAT_COLOURS",
            "notifications on default",
            "encryption on default",
            "password_file none default",
            &format!("The settings file is {path}"),
        ]
    );
    let output = chat_in(home.path()).args(["config", "--json"]).env("CHAT_NAME", "eva").output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        all["name"],
        serde_json::json!({"value": "eva", "from": "environment", "variable": "CHAT_NAME"})
    );
    assert_eq!(all["rooms"], serde_json::json!({"value": ["hall", "厨房"], "from": "file", "line": 3}));
    assert_eq!(all["file"]["path"], path);
}

#[test]
fn a_file_to_begin_with_changes_nothing_and_takes_nothing_away() {
    let home = tempfile::tempdir().unwrap();
    let config = |args: &[&str]| chat_in(home.path()).arg("config").args(args).output().unwrap();
    let before = config(&[]);
    assert!(config(&["--init"]).status.success());
    let path = home.path().join("chat/config.toml");
    let written = fs::read_to_string(&path).unwrap();
    let after = config(&[]);
    assert_eq!(
        text(&before.stdout).lines().take(7).collect::<Vec<_>>(),
        text(&after.stdout).lines().take(7).collect::<Vec<_>>()
    );
    let again = config(&["--init"]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(text(&again.stderr), format!("chat: {} already exists\n", path.display()));
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
}

#[test]
fn a_broken_file_ends_everything_that_has_settings_before_it_begins() {
    let home = tempfile::tempdir().unwrap();
    let path = write(home.path(), "\nname = \"two words\"\n");
    for args in [
        &["join"][..],
        &["send", "nonsense://x", "--room", "lobby", "hi"],
        &["tail", "nonsense://x", "--room", "lobby"],
        &["search", "tea"],
        &["export", "--room", "lobby", "--format", "text"],
        &["config"],
    ] {
        let output = chat_in(home.path()).args(args).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(said.starts_with(&format!("chat: {path}:2: not a valid name: ")), "{said}");
        assert!(output.stdout.is_empty() && said.lines().count() == 1, "{said}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let output = chat_in(home.path()).arg("join").output().unwrap();
    let said = format!("chat: cannot read the settings file {path}: not a file\n");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), &*said));
}

#[test]
fn settings_are_used_where_the_command_line_says_nothing() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let settings = format!("name = \"ana\"\nrooms = [\"hall\", \"kitchen\"]\nserver = \"{}\"\n", server.1);
    write(home.path(), &settings);
    let join = |args: &[&str], variables: &[(&str, &str)]| {
        let mut join = assert_cmd::Command::from_std(chat_in(home.path()));
        join.arg("join").args(args).envs(variables.iter().copied()).write_stdin("/rooms\n");
        let output = join.timeout(std::time::Duration::from_secs(30)).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    let said = join(&[], &[]);
    assert!(["you are ana", "entered hall", "entered kitchen"].iter().all(|it| said.contains(it)), "{said}");
    let said = join(&["--name", "bob"], &[("CHAT_ROOMS", "cellar"), ("CHAT_COLOURS", "always")]);
    assert!(said.contains("bob") && said.contains("cellar") && !said.contains("entered hall"), "{said}");
    assert!(said.contains("\u{1b}["), "colours where they were asked for: {said}");
    let said = join(&["--plain", "--room", "attic"], &[("CHAT_NAME", "eva"), ("CHAT_COLOURS", "always")]);
    assert!(said.contains("you are eva") && said.contains("entered attic"), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains("entered hall"), "{said}");
}

#[test]
fn a_name_is_asked_for_once_and_remembered() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let path = write(home.path(), "# mine\nrooms = [\"hall\"] # and no other");
    let join = ["join", &server.1];
    let mut ana = Screen::of(100, 24, chat_in(home.path()).args(join));
    ana.wait_for("Your name [login]: ");
    ana.press("two words\r");
    let said = ana.wait_for("-- not a valid name: it has U+0020");
    assert!(!said.contains(" here"), "nothing else has begun: {said}");
    ana.press("娜娜\r");
    ana.wait_for("1 here");
    let kept = "# mine\nrooms = [\"hall\"] # and no other\nname = \"娜娜\"\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), kept);
    // Not asked again; and where the name is taken by the first, a number comes after it.
    let mut again = Screen::of(100, 24, chat_in(home.path()).args(join));
    again.wait_for("2 here");
    again.wait_for("娜娜-2");
    for screen in [&mut ana, &mut again] {
        screen.press("\x04");
        assert!(screen.ended().success());
    }
}

#[test]
fn an_empty_answer_is_the_proposal_and_none_ends_it() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let mut nobody = Screen::of(100, 24, chat_in(home.path()).args(["join", &server.1]));
    nobody.wait_for("Your name [login]: ");
    nobody.press("\x04");
    nobody.wait_for("chat: no name was given; use --name NAME");
    assert_eq!(nobody.ended().code(), Some(1));
    assert!(!home.path().join("chat").exists());

    let mut ana = Screen::of(100, 24, chat_in(home.path()).args(["join", "--plain", &server.1]));
    ana.wait_for("Your name [login]: ");
    ana.press("\r");
    ana.wait_for("-- you are login");
    let kept = fs::read_to_string(home.path().join("chat/config.toml")).unwrap();
    assert_eq!(kept, "name = \"login\"\n");
}

#[test]
fn nobody_is_asked_who_has_said_a_name_or_sits_at_no_terminal() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let named = Screen::of(100, 24, chat_in(home.path()).args(["join", &server.1, "--name", "ana"]));
    named.wait_for("1 here");
    let named = Screen::of(100, 24, chat_in(home.path()).args(["join", &server.1]).env("CHAT_NAME", "bob"));
    named.wait_for("2 here");
    let mut piped = chat_in(home.path());
    let output = piped.args(["join", &server.1]).stdin(std::process::Stdio::null()).output().unwrap();
    assert!(text(&output.stdout).contains("-- you are login\n"), "{}", text(&output.stdout));
    let kept: Vec<_> =
        fs::read_dir(home.path().join("chat")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(kept, ["key"], "no name was asked for, so none is remembered");
}
