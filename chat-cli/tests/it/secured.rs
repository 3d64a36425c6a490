//! Encryption by default: whom the program joins, whom it lets in, and what it says otherwise.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use crate::{
    process::{Server, home, program},
    text,
};

/// `chat send` by an account whose files are in `home`.
fn send(home: &Path, url: &str, args: &[&str]) -> Output {
    let mut send = in_home(home);
    send.args(["send", url, "--room", "lobby", "hello"]).args(args).output().unwrap()
}

fn in_home(home: &Path) -> Command {
    let mut chat = program();
    chat.env("XDG_CONFIG_HOME", home).env("XDG_STATE_HOME", home);
    chat
}

/// The one line that says why it failed.
fn refusal(output: &Output) -> String {
    let said = text(&output.stderr).to_owned();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    said
}

/// What a client that does not encrypt is answered first.
fn plain_hello(url: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("tcp://").unwrap()).unwrap();
    let hello = r#"{"type":"hello","protocol":1,"name":"guest"}"#;
    let length = u32::try_from(hello.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, hello.as_bytes()].concat()).unwrap();
    let mut answer = BufReader::new(stream);
    let mut bytes = Vec::new();
    answer.read_until(b'}', &mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_server_takes_plain_clients_unless_it_is_told_to_refuse_them() {
    let server = Server::start();
    assert!(plain_hello(&server.1).contains(r#""type":"welcome""#));
    let strict = Server::start_with(&["--secure-only", "--listen", "tcp://127.0.0.1:0"]);
    let answer = plain_hello(&strict.1);
    assert!(
        answer.contains(r#""code":"unsupported""#) && answer.contains("encrypted links only"),
        "{answer}"
    );
    assert!(send(&home(), &strict.1, &[]).status.success());
    let why = refusal(&send(&home(), &strict.1, &["--unencrypted"]));
    assert!(why.contains("encrypted links only"), "{why}");
}

#[test]
fn the_keys_are_made_at_the_first_run_for_their_owner_alone() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let server = Server::keeping(data.path(), &["--listen", "tcp://127.0.0.1:0"]);
    assert!(send(&home, &server.1, &[]).status.success());
    for key in [home.join("chat/key"), data.path().join("server.key")] {
        let metadata = fs::metadata(&key).unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (32, 0o600), "{key:?}");
    }
    let key = fs::read(home.join("chat/key")).unwrap();
    assert!(send(&home, &server.1, &[]).status.success());
    assert_eq!(fs::read(home.join("chat/key")).unwrap(), key, "the same one again");
    fs::set_permissions(home.join("chat/key"), fs::Permissions::from_mode(0o644)).unwrap();
    let why = refusal(&send(&home, &server.1, &[]));
    assert!(
        why.contains("other people of this machine can read the key") && why.contains("chmod 600"),
        "{why}"
    );
    fs::set_permissions(home.join("chat/key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(home.join("chat/key"), "not a key\n").unwrap();
    let why = refusal(&send(&home, &server.1, &[]));
    assert!(why.contains("has 10 bytes and a key has 32"), "{why}");
}

#[test]
fn without_a_directory_the_key_is_for_one_run_and_the_user_is_told() {
    let server = Server::start();
    let nowhere = tempfile::NamedTempFile::new().unwrap();
    let sent = send(nowhere.path(), &server.1, &[]);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let said = text(&sent.stderr);
    assert!(said.starts_with("chat: your key is for this run alone: "), "{said}");
    assert!(said.contains("the server's key cannot be stored"), "{said}");
}

#[test]
fn a_server_with_another_key_is_not_joined() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let server = Server::keeping(data.path(), &["--listen", "tcp://127.0.0.1:0"]);
    let url = server.1.clone();
    assert!(send(&home, &url, &[]).status.success());
    drop(server);
    fs::remove_file(data.path().join("server.key")).unwrap();
    let _server = Server::keeping(data.path(), &["--listen", &url]);
    let why = refusal(&send(&home, &url, &[]));
    assert!(why.contains("had the key ") && why.contains(&format!("`chat key trust {url}`")), "{why}");
    let known = fs::read_to_string(home.join("chat/known-servers.json")).unwrap();
    let known: serde_json::Value = serde_json::from_str(&known).unwrap();
    assert_eq!(known.as_array().map(Vec::len), Some(1), "the other key is not remembered");
    assert_eq!(known[0]["verified"], "first_use");
}

#[test]
fn a_server_that_does_not_encrypt_is_joined_only_if_the_user_says_so() {
    let home = home();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let old = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let error = r#"{"type":"error","code":"bad_frame","message":"the first frame has to be hello"}"#;
        let length = u32::try_from(error.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, error.as_bytes()].concat()).unwrap();
        let mut first = Vec::new();
        let _ = BufReader::new(stream).read_until(b'}', &mut first);
        String::from_utf8_lossy(&first).into_owned()
    });
    let why = refusal(&send(&home, &url, &[]));
    assert!(why.contains("does not encrypt") && why.contains("--unencrypted"), "{why}");
    let asked = old.join().unwrap();
    assert!(asked.contains(r#""type":"secure""#) && !asked.contains("hello"), "{asked}");
    let server = Server::start();
    let mut join = in_home(&home);
    join.args(["join", &server.1, "--name", "ana"])
        .env("CHAT_ENCRYPTION", "off")
        .stdin(std::process::Stdio::null());
    let joined = join.output().unwrap();
    assert!(text(&joined.stdout).contains("-- not encrypted: "), "{}", text(&joined.stdout));
}

#[test]
fn a_server_whose_rooms_are_in_memory_has_the_same_key_after_a_restart() {
    let home = home();
    let serve = |url: &str| {
        let mut serve = in_home(&home);
        serve.args(["serve", "--memory", "--no-announce", "--listen", url]).env("RUST_LOG", "info");
        serve.stderr(std::process::Stdio::null());
        Server::of(&mut serve)
    };
    let server = serve("tcp://127.0.0.1:0");
    let url = server.1.clone();
    assert!(send(&home, &url, &[]).status.success());
    drop(server);
    let _server = serve(&url);
    let again = send(&home, &url, &[]);
    assert!(again.status.success(), "{}", text(&again.stderr));
}

/// What `chat key` with `args` prints.
fn key(home: &Path, args: &[&str]) -> String {
    let output = in_home(home).arg("key").args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// The one line by which `chat key` with `args` fails.
fn no_key(home: &Path, args: &[&str]) -> String {
    refusal(&in_home(home).arg("key").args(args).output().unwrap())
}

#[test]
fn a_server_is_trusted_again_by_hand_and_forgotten() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    assert!(key(&home, &["servers"]).starts_with("no server is trusted yet"));
    let server = Server::keeping(data.path(), &["--listen", "tcp://127.0.0.1:0"]);
    let url = server.1.clone();
    assert!(send(&home, &url, &[]).status.success());
    let before = key(&home, &["servers"]);
    assert!(before.contains("trusted at first use"), "{before}");
    drop(server);
    fs::remove_file(data.path().join("server.key")).unwrap();
    let _server = Server::keeping(data.path(), &["--listen", &url]);
    let why = no_key(&home, &["trust", &url, "aaaa-bbbb-cccc-dddd"]);
    assert!(why.contains("not aaaa-bbbb-cccc-dddd; it is not trusted"), "{why}");
    assert!(!send(&home, &url, &[]).status.success(), "nothing was accepted");
    let said = key(&home, &["trust", &url]);
    assert!(said.contains("which is trusted from now on"), "{said}");
    assert!(send(&home, &url, &[]).status.success());
    let json: serde_json::Value = serde_json::from_str(&key(&home, &["servers", "--json"])).unwrap();
    assert_eq!(json["verified"], "by_hand");
    let fingerprint = json["fingerprint"].as_str().unwrap();
    assert!(key(&home, &["forget", fingerprint]).starts_with("forgotten: "));
    assert!(no_key(&home, &["forget", fingerprint]).contains("no server is known as"));
}

#[test]
fn a_key_goes_to_another_machine_by_a_file_or_by_its_words() {
    let (one, other, third) = (home(), home(), home());
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, right, wrong) = (in_folder("ana.key"), in_folder("right"), in_folder("wrong"));
    fs::write(&right, "open sesame\n").unwrap();
    fs::write(&wrong, "guess\n").unwrap();
    let shown = key(&one, &["show"]);
    let own: String = shown.lines().take(2).collect();
    key(&one, &["export", &file, "--passphrase-file", &right]);
    assert!(no_key(&one, &["export", &file, "--passphrase-file", &right]).contains("already exists"));
    let why = no_key(&other, &["import", &file, "--passphrase-file", &wrong]);
    assert!(why.contains("the passphrase is wrong"), "{why}");
    let why = no_key(&other, &["import", &right, "--passphrase-file", &right]);
    assert!(why.contains("is no key that"), "{why}");
    key(&other, &["import", &file, "--passphrase-file", &right]);
    assert_eq!(key(&other, &["show"]).lines().take(2).collect::<String>(), own);
    let words = key(&one, &["words"]);
    let restore = |typed: &str, args: &[&str]| {
        let mut restore = assert_cmd::Command::from_std(in_home(&third));
        restore.args(["key", "restore"]).args(args).write_stdin(typed).output().unwrap()
    };
    let before = key(&third, &["show"]);
    assert!(refusal(&restore(&words, &[])).contains("--replace"));
    assert_eq!(key(&third, &["show"]), before);
    assert!(restore(&words, &["--replace"]).status.success());
    assert_eq!(key(&third, &["show"]).lines().take(2).collect::<String>(), own);
    assert!(third.join("chat/key.old").exists());
}
