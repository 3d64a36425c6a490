//! The program `chat`, with the transports it comes with.

use std::process::ExitCode;

fn main() -> ExitCode {
    chat_cli::run(chat_cli::standard())
}
