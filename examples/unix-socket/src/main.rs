//! The program `chat`, with one transport more.

use std::process::ExitCode;

fn main() -> ExitCode {
    chat_cli::run(chat_cli::standard().with("unix", chat_unix::Unix))
}
