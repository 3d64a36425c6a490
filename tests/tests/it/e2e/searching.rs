//! What was said, found again and written down, by the program itself.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::harness::{Process, Server};

const SOON: Duration = Duration::from_secs(20);

/// Says `texts` in `room`, and waits until all of it is stored.
fn say(url: &str, name: &str, room: &str, texts: &[&str]) {
    let mut talker = Process::join(url, name, room);
    for text in texts {
        talker.type_line(&json!({"type": "say", "room": room, "text": text}).to_string());
    }
    talker.end_input();
    let (status, _, errors) = talker.exit(SOON);
    assert_eq!(status.code(), Some(0), "{errors}");
}

/// The status of `chat` with these arguments, and what it prints.
fn chat(args: &[&str]) -> (Option<i32>, Vec<String>, String) {
    let (status, lines, errors) = Process::chat(args).exit(SOON);
    (status.code(), lines, errors)
}

fn search(url: &str, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let (status, lines, errors) = chat(&[&["search", url, "--name", "eve"], more].concat());
    assert_eq!(errors, "", "{more:?}");
    (status, lines)
}

/// The lines without the time, which differs.
fn timeless(lines: &[String]) -> Vec<String> {
    let without = |line: &String| {
        let (room, rest) = line.split_once("] ").expect("the room comes first");
        format!("{room}]{}", &rest["2026-11-21 12:00".len()..])
    };
    lines.iter().map(without).collect()
}

/// protocol 8.7, 8.8
#[test]
fn search_prints_what_was_said_newest_first_with_the_words_marked() {
    let server = Server::start(&[]);
    let url = server.url();
    say(url, "ana", "lobby", &["red tea, green tea", "我们下午四点喝茶", "coffee"]);
    say(url, "bob", "kitchen", &["the Téapot is hot", "我们在北京"]);

    let (status, lines) = search(url, &["tea"]);
    assert_eq!(status, Some(0));
    assert_eq!(
        timeless(&lines),
        ["[kitchen] <bob> the *Téapot* is hot", "[lobby] <ana> red *tea*, green *tea*"]
    );
    for neighbours in ["我们", "们下", "下午", "午四", "四点", "点喝", "喝茶"] {
        let (status, lines) = search(url, &[neighbours, "--room", "lobby"]);
        let text = "我们下午四点喝茶".replace(neighbours, &format!("*{neighbours}*"));
        assert_eq!((status, timeless(&lines)), (Some(0), vec![format!("[lobby] <ana> {text}")]));
    }
    assert_eq!(timeless(&search(url, &["我们", "--from", "BOB"]).1), ["[kitchen] <bob> *我们*在北京"]);
    assert_eq!(search(url, &["green", "red", "--since", "1h"]).1.len(), 1);
    assert_eq!(search(url, &["tea", "--limit", "1"]).1.len(), 1);
    let (_, lines) = search(url, &["tea", "--json"]);
    let texts: Vec<Value> =
        lines.iter().map(|it| serde_json::from_str::<Value>(it).expect("JSON")["text"].clone()).collect();
    assert_eq!(texts, ["the Téapot is hot", "red tea, green tea"]);

    for nothing in
        [&["下茶"][..], &["tea", "coffee"], &["tea", "--since", "2999-01-01"], &["tea", "--room", "attic"]]
    {
        assert_eq!(search(url, nothing), (Some(1), vec![]), "{nothing:?}");
    }
    let (status, lines, errors) = chat(&["search", url, "…"]);
    assert_eq!((status, lines.len()), (Some(1), 0));
    assert!(errors.starts_with("chat: cannot search for this: there is no word in it"), "{errors}");
    assert_eq!(chat(&["search", url, "tea", "--since", "soon"]).0, Some(2));
}

/// protocol 8.10
#[test]
fn more_is_found_than_one_answer_holds() {
    let server = Server::start(&["--unlimited"]);
    let texts: Vec<String> = (0..130).map(|n| format!("needle number{n}")).collect();
    say(server.url(), "ana", "lobby", &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let (_, lines) = search(server.url(), &["needle", "--limit", "120", "--json"]);
    let numbers = lines.iter().map(|it| serde_json::from_str::<Value>(it).expect("JSON")["seq"].as_u64());
    assert_eq!(numbers.collect::<Vec<_>>(), (11..=130).rev().map(Some).collect::<Vec<_>>());

    let mut join = Process::chat(["join", server.url(), "--plain", "--name", "bob"]);
    let mut until = |typed: &str, end: &str| {
        join.type_line(typed);
        let mut lines = Vec::new();
        while lines.last().is_none_or(|it: &String| !it.contains(end)) {
            lines.push(join.line());
        }
        lines
    };
    let first = until("/search NEEDLE numb", "-- there may be more; /search looks further back");
    let hits = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|it| it.contains("*needle*")).cloned().collect()
    };
    assert_eq!(hits(&first).len(), 20, "{first:?}");
    assert!(hits(&first)[0].ends_with("<ana> *needle* *number129*"), "{first:?}");
    let second = until("/search", "-- there may be more; /search looks further back");
    assert!(hits(&second)[0].ends_with("*number109*") && hits(&second).len() == 20, "{second:?}");
    until("/search number7 needle", "-- that is all");
    until("/search", "-- nothing older found");
    until("/search gone", "-- nothing found");

    let older = |lines: &[String]| -> Vec<String> {
        lines.iter().filter_map(|it| it.split_once("<ana> ")).map(|(_, text)| text.to_owned()).collect()
    };
    // It shows the newest 50 at first, so there are 80 before them.
    let page = older(&until("/history 30", "-- end of what is older"));
    assert_eq!(page, (50..80).map(|n| format!("needle number{n}")).collect::<Vec<_>>());
    let page = older(&until("/history", "-- end of what is older"));
    assert_eq!(page, (0..50).map(|n| format!("needle number{n}")).collect::<Vec<_>>());
    until("/history", "-- nothing older in lobby");
}

/// protocol 8.7
#[test]
fn a_program_searches_in_json() {
    let server = Server::start(&[]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    ana.type_line("red tea");
    ana.messages(1);
    ana.type_line(r#"{"type":"search","id":9,"words":"tea"}"#);
    let found = ana.expect("found", |it| (it["type"] == "found").then(|| it.clone()));
    assert_eq!((&found["id"], &found["entries"][0]["text"]), (&json!(9), &json!("red tea")));
    ana.type_line(r#"{"type":"search","id":10,"words":"tea","room":"@"}"#);
    let refused = ana.expect("error", |it| (it["type"] == "error").then(|| it["code"].clone()));
    assert_eq!(refused, "unsupported");
}

const HOSTILE: &str = "</p><script>alert('&')</script>\u{202e}<img src=x onerror=\"x\">";

/// A folder that is gone when this is dropped.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("chat-export-{:x}", fastrand::u64(..)));
        fs::create_dir(&path).expect("a folder can be made");
        Folder(path)
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).expect("it is there");
        let mut names: Vec<_> =
            names.map(|it| it.expect("it is there").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_room_is_written_down_in_every_form() {
    let server = Server::start(&[]);
    let url = server.url();
    say(url, "ana", "lobby", &["hi", "two\nlines", HOSTILE, "喝茶 & <b>"]);
    let mut topic = Process::join(url, "bob", "lobby");
    topic.type_line(r#"{"type":"topic","room":"lobby","text":"tea <i>"}"#);
    topic.end_input();
    assert_eq!(topic.exit(SOON).0.code(), Some(0));

    let export = |more: &[&str]| {
        let (status, lines, errors) =
            chat(&[&["export", url, "--room", "lobby", "--name", "eve"], more].concat());
        assert_eq!((status, errors.as_str()), (Some(0), ""));
        lines
    };
    let events: Vec<Value> =
        export(&["--format", "jsonl"]).iter().map(|it| serde_json::from_str(it).expect("JSON")).collect();
    let texts: Vec<&str> = events.iter().map(|it| it["text"].as_str().expect("a text")).collect();
    assert_eq!(texts, ["hi", "two\nlines", HOSTILE, "喝茶 & <b>", "tea <i>"]);
    assert_eq!(events[4]["type"], "topic");

    let text = export(&["--format", "text"]);
    assert_eq!(text.len(), 6, "{text:?}");
    assert!(text[0].ends_with(" <ana> hi") && text[1].ends_with(" <ana> two"), "{text:?}");
    assert_eq!(text[2], "    lines");
    assert!(text[3].contains(r"\u{202e}") && !text[3].contains('\u{202e}'), "{text:?}");
    assert!(text[5].ends_with(" -- bob set the topic: tea <i>"), "{text:?}");

    let folder = Folder::new();
    let file = folder.0.join("lobby.html");
    fs::write(&file, "something else").expect("it can be written");
    let path = file.to_str().expect("a plain path");
    assert_eq!(export(&["--format", "html", "--output", path]), [""; 0]);
    assert_eq!(folder.files(), ["lobby.html"], "nothing is left beside it");
    let html = fs::read_to_string(&file).expect("it is there");
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{html}");
    for harmless in [
        "<p dir=\"auto\">hi</p>",
        "two\nlines",
        "喝茶 &amp; &lt;b&gt;",
        "&lt;script&gt;alert(&#39;&amp;&#39;)",
    ] {
        assert!(html.contains(harmless), "{harmless} in {html}");
    }
    for harm in ["<script", "<img", "<b>喝", "<i>", "\u{202e}", "onerror=\""] {
        assert!(!html.contains(harm), "{harm} in {html}");
    }
    assert_eq!(html.matches("<h2>").count(), 1, "one day");
    assert_eq!(html.matches("<h3>").count(), 1, "one who speaks");

    assert_eq!(export(&["--format", "jsonl", "--since", "2999-01-01"]), [""; 0]);
    let nowhere = folder.0.join("no/such/folder.txt");
    let nowhere = nowhere.to_str().expect("a plain path");
    let (status, _, errors) =
        chat(&["export", url, "--room", "lobby", "--format", "text", "--output", nowhere]);
    assert!(status == Some(1) && errors.starts_with("chat: cannot write /"), "{errors}");
}

/// protocol 6.5
#[test]
fn an_export_says_what_is_gone_and_ends_where_the_room_stood() {
    let server =
        Server::at(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"], &["--unlimited", "--memory-limit", "1MiB"]);
    let long: Vec<String> = (1..=300).map(|n| format!("{n} {}", "x".repeat(4000))).collect();
    say(server.url(), "ana", "lobby", &long.iter().map(String::as_str).collect::<Vec<_>>());
    let udp = format!("udp://127.0.0.1:{}", server.udp_port());
    for url in [server.url(), &udp] {
        let (status, lines, errors) =
            chat(&["export", url, "--room", "lobby", "--format", "jsonl", "--name", "eve"]);
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{url}");
        let events: Vec<Value> = lines.iter().map(|it| serde_json::from_str(it).expect("JSON")).collect();
        let to = events[0]["to"].as_u64().expect("the first ones are gone");
        assert_eq!((&events[0]["type"], &events[0]["from"]), (&json!("gap"), &json!(1)), "{url}");
        let numbers: Vec<u64> = events[1..].iter().map(|it| it["seq"].as_u64().expect("a number")).collect();
        assert_eq!(numbers, (to + 1..=300).collect::<Vec<_>>(), "{url}");
    }
    let empty = chat(&["export", server.url(), "--room", "attic", "--format", "text", "--name", "eve"]);
    assert_eq!(empty, (Some(0), vec![], String::new()));
}
