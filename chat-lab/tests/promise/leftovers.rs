//! Nothing is left of a lab when its program has ended, however it ended.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

use chat_lab::{Lab, Missing};
use chat_testkit::needs::Need;

use crate::{
    myself,
    network::{link, until},
};

pub(crate) const VICTIM: &str = "victim";

/// Has a link until it is killed.
pub(crate) fn victim() {
    let lab = Lab::enter().expect("the check did");
    let _link = link(&lab, "delay=1s");
    println!("there");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// The network namespaces of all processes that we may look at.
fn namespaces() -> BTreeSet<PathBuf> {
    let processes = fs::read_dir("/proc").expect("there is /proc").filter_map(Result::ok);
    processes.filter_map(|it| fs::read_link(it.path().join("ns/net")).ok()).collect()
}

fn gone_when_killed(mut child: Child, what: &str) {
    let namespace = fs::read_link(format!("/proc/{}/ns/net", child.id())).expect("it runs");
    assert_ne!(namespace, fs::read_link("/proc/self/ns/net").expect("we run"), "{what} is in one of its own");
    assert!(namespaces().contains(&namespace), "{what}: this finds namespaces");
    child.kill().and_then(|()| child.wait()).expect("it is our child");
    until("its namespace is gone", || !namespaces().contains(&namespace));
}

pub(crate) fn none(_: &Lab) {
    let mut child =
        myself(VICTIM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run again");
    until_it_says(&mut child, "there");
    gone_when_killed(child, "a program");
}

/// The example of this crate is built, as `cargo test` does for all targets and `cargo test --test promise` does not.
pub(crate) const EXAMPLE: Need = Need::Other("the example bad-link", || {
    let there = example().exists();
    there.then_some(()).ok_or_else(|| "cargo build --package chat-lab --example bad-link".to_owned())
});

fn example() -> PathBuf {
    let program = env::current_exe().expect("there is this program");
    program.ancestors().nth(2).expect("it is in a folder").join("examples/bad-link")
}

pub(crate) fn none_of_the_example(_: &Lab) {
    let script = "sleep 1000 & setsid sleep 1000 & echo there; sleep 1000";
    let mut child = Command::new(example())
        .args(["delay=1s", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be run");
    until_it_says(&mut child, "there");
    gone_when_killed(child, "the example");
}

fn until_it_says(child: &mut Child, word: &str) {
    let output = BufReader::new(child.stdout.as_mut().expect("it is piped"));
    assert!(output.lines().map_while(Result::ok).any(|line| line == word), "it says {word}");
}

pub(crate) fn threads(_: &Lab) {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let thread = thread::spawn(move || receiver.recv());
    assert!(matches!(Lab::enter(), Err(Missing::Threads(2))));
    drop(sender);
    thread.join().expect("it waits").expect_err("nobody said anything");
}
