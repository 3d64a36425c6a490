//! Runs that end early leave no process, namespace or device behind.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::Child,
    thread,
    time::Duration,
};

use super::*;
use crate::process::{in_time, signal};

/// A comparison that would take minutes, after its first round.
fn running(folder: &Path) -> (Child, impl Read + use<>) {
    let html = folder.join("page.html");
    let args = ["compare", "--contestants", "tcp,udp", "--people", "4", "--rate", "20", "--repeat", "300"];
    let more = ["--lasts", "500ms", "--condition", "delay=1ms", "--html", html.to_str().unwrap()];
    let mut child = program(&[&args[..], &more].concat()).spawn().unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let errors = in_time(move || {
        let mut errors = errors;
        let mut line = String::new();
        assert!(errors.read_line(&mut line).unwrap() > 0, "it reports its progress");
        assert!(line.starts_with("[1/600] tcp"), "{line}");
        errors
    });
    (child, errors)
}

/// The namespace of a comparison, and the processes in it.
fn belongings(child: &Child) -> (PathBuf, BTreeSet<u32>) {
    let namespace = fs::read_link(format!("/proc/{}/ns/net", child.id())).unwrap();
    assert_ne!(namespace, fs::read_link("/proc/self/ns/net").unwrap(), "it has a namespace of its own");
    // Between two rounds there is no server.
    let servers = until(|| Some(inside(&namespace)).filter(|it| it.len() > 1));
    (namespace, servers)
}

fn inside(namespace: &Path) -> BTreeSet<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_inside =
        |it: &fs::DirEntry| fs::read_link(it.path().join("ns/net")).is_ok_and(|it| it == namespace);
    processes.filter(is_inside).filter_map(|it| it.file_name().to_str()?.parse().ok()).collect()
}

fn until<T: Send + 'static>(look: impl Fn() -> Option<T> + Send) -> T {
    for _ in 0..2000 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the condition did not come true");
}

pub(crate) fn interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, errors) = running(folder.path());
    let (namespace, all) = belongings(&child);
    assert!(all.contains(&child.id()) && all.len() == 2, "the program and a server: {all:?}");
    let mut printed = child.stdout.take().unwrap();
    signal(&child, "-INT");
    let (status, printed) = in_time(move || {
        let mut text = String::new();
        printed.read_to_string(&mut text).unwrap();
        (child.wait().unwrap(), text)
    });
    drop(errors);
    assert_eq!(status.code(), Some(130));
    assert!(
        printed.contains("tcp") && printed.contains("delay=1ms"),
        "it prints the figures so far: {printed}"
    );
    assert!(printed.contains("interrupted") || printed.contains("ended early"), "{printed}");
    assert!(fs::read_to_string(folder.path().join("page.html")).unwrap().contains("</html>"));
    until(|| inside(&namespace).is_empty().then_some(()));
}

pub(crate) fn killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, errors) = running(folder.path());
    let (namespace, _) = belongings(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(errors);
    until(|| inside(&namespace).is_empty().then_some(()));
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().filter_map(Result::ok).map(|it| it.path()).collect();
    assert!(
        left.iter().all(|it| it.extension().is_some_and(|it| it == "part")),
        "no half of a page: {left:?}"
    );
}
