//! What end-to-end tests are made of: the program, servers and clients that run it, raw sockets, and clients in
//! this process. Every wait has a deadline.

mod person;
mod process;
mod raw;
pub mod runtime;
mod server;
mod udp;
mod weather;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

pub use person::{Heard, Person, entry, join, say};
pub use process::Process;
pub use raw::{Raw, framed};
pub use server::Server;
pub use udp::RawUdp;
pub use weather::{Fate, UdpProxy};

/// The program `chat`, built from this workspace in the profile of the tests, once.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--package",
                "chat-cli",
                "--bin",
                "chat",
                "--message-format",
                "json-render-diagnostics",
            ])
            .args([
                "--profile",
                profile(),
                "--manifest-path",
                concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"),
            ])
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo can be run");
        assert!(built.status.success(), "the program does not build");
        let messages = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
        let mut paths = messages.lines().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(PathBuf::from(message["executable"].as_str()?))
        });
        paths.next_back().expect("cargo says where the program is")
    })
}

/// The profile these tests were built in: that of their folder, `target/PROFILE/deps`.
fn profile() -> &'static str {
    static PROFILE: OnceLock<String> = OnceLock::new();
    PROFILE.get_or_init(|| {
        let exe = std::env::current_exe().expect("a test has a path");
        let folder = exe.ancestors().nth(2).and_then(Path::file_name).expect("it is in target/PROFILE/deps");
        match folder.to_str().expect("profiles have plain names") {
            "debug" => "dev".to_owned(),
            other => other.to_owned(),
        }
    })
}

/// Looks again and again until `look` gives something. For what the kernel shows and tells nobody about.
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How long anything may take that takes no time.
pub const PATIENCE: Duration = Duration::from_secs(20);
