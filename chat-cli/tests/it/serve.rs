//! A server without clients: how it begins, how it ends, and what it does when nothing it says can be written.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn serve() -> Command {
    let mut serve = crate::program();
    serve.args(["serve", "--memory", "--listen", "tcp://127.0.0.1:0"]).env("RUST_LOG", "trace");
    serve
}

/// What `wait` returns, unless it takes too long.
pub(crate) fn in_time<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waited) = mpsc::channel();
    thread::spawn(move || done.send(wait()));
    waited.recv_timeout(Duration::from_secs(30)).expect("it hangs")
}

pub(crate) fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "{signal}");
}

pub(crate) fn told_to_end(mut child: Child, signal: &str) -> ExitStatus {
    self::signal(&child, signal);
    in_time(move || child.wait().unwrap())
}

#[test]
fn a_signal_ends_it_well_and_a_full_disk_under_its_log_does_not_end_it() {
    for signal in ["-INT", "-TERM"] {
        let mut child = serve().stdout(Stdio::piped()).stderr(full()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let ready = in_time(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        });
        assert!(ready.starts_with("listening on tcp://127.0.0.1:") && !ready.ends_with(":0\n"), "{ready:?}");
        assert_eq!(told_to_end(child, signal).code(), Some(0), "{signal}");
    }
}

#[test]
fn it_does_not_run_where_nobody_learns_its_address() {
    let child = serve().env("RUST_LOG", "off").stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
    let output = in_time(move || child.wait_with_output().unwrap());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("chat: cannot write to standard output: ") && said.lines().count() == 1,
        "{said}"
    );
}
