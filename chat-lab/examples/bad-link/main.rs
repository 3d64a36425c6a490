//! Runs a command inside the lab, where 10.9.0.2 is a server across a bad link: `bad-link CONDITION [DOWN] -- COMMAND`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("bad-link: {}", chat_lab::Missing::Linux);
}
