//! A server without clients: how it begins, how it ends, and what it does when nothing it says can be written.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::process::{in_time, program, told_to_end};

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn serve() -> Command {
    let mut serve = program();
    serve
        .args(["serve", "--memory", "--no-announce", "--listen", "tcp://127.0.0.1:0"])
        .env("RUST_LOG", "trace");
    serve
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
