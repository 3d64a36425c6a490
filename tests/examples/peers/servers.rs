//! The servers that are compared: what each is, how it is started, and how it ends.

use std::{
    env, fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::dialects::{Chat, Dialect, Irc, Mqtt, Nats};

/// A server that may be there. In its words and its configuration `@port@` is where it has to listen, on this machine alone,
/// and `@scratch@` a directory of its own.
pub struct Server {
    pub name: &'static str,
    pub dialect: &'static dyn Dialect,
    program: &'static str,
    /// Separated by spaces.
    words: &'static str,
    /// What is in `@scratch@/configuration`.
    configuration: &'static str,
}

impl Server {
    /// Whether this is its name or the first word of it.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// What it is called when it is run by another program of ours, if it is ours.
    pub fn name_before(&self) -> Option<&'static str> {
        match self.name {
            "chat-memory" => Some("memory-before"),
            "chat-disk" => Some("disk-before"),
            _ => None,
        }
    }

    /// Where its program is, if it is there.
    pub fn program(&self, chat: &Path) -> Option<PathBuf> {
        match self.program {
            THIS => env::current_exe().ok(),
            CHAT => chat.is_file().then(|| chat.to_owned()),
            other => {
                let path = env::var_os("PATH").unwrap_or_default();
                // Servers are often where only root looks for programs.
                let folders =
                    env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
                folders.map(|it| it.join(other)).find(|it| it.is_file())
            }
        }
    }

    /// What to do where its program is missing.
    pub fn how_to_get(&self, chat: &Path) -> String {
        match self.program {
            CHAT => format!(
                "{}; `cargo build --release` makes {}, or name one with --chat",
                self.name,
                chat.display()
            ),
            other => format!("{}; there is no program {other}", self.name),
        }
    }
}

/// A server that listens. It is killed when this is dropped, and nothing of it remains.
pub struct Running {
    child: Child,
    pub at: SocketAddr,
    /// Goes when this goes.
    scratch: TempDir,
}

impl Running {
    /// Starts one and waits until it can be connected to.
    ///
    /// # Errors
    /// Why it does not come to listen.
    pub fn start(server: &Server, program: &Path) -> Result<Running, String> {
        Running::try_start(server, program).map_err(|error| format!("it does not start: {error}"))
    }

    fn try_start(server: &Server, program: &Path) -> io::Result<Running> {
        let scratch = tempfile::tempdir()?;
        let at = free_address()?;
        let fill = |text: &str| {
            let text = text.replace("@port@", &at.port().to_string());
            text.replace("@scratch@", &scratch.path().to_string_lossy())
        };
        fs::write(scratch.path().join("configuration"), fill(server.configuration))?;
        let output = fs::File::create(scratch.path().join("output"))?;
        let child = Command::new(program)
            .args(server.words.split(' ').map(fill))
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut running = Running { child, at, scratch };
        let end = Instant::now() + START;
        while TcpStream::connect_timeout(&at, START).is_err() {
            if let Some(status) = running.child.try_wait()? {
                return Err(io::Error::other(format!("{status}; it said: {}", running.last_words())));
            }
            if Instant::now() > end {
                return Err(io::Error::other(format!(
                    "not within {START:?}; it said: {}",
                    running.last_words()
                )));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(running)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn last_words(&self) -> String {
        let output = fs::read_to_string(self.scratch.path().join("output")).unwrap_or_default();
        output.lines().rfind(|it| !it.trim().is_empty()).unwrap_or("nothing").to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that nobody had a moment ago: not all servers choose one themselves and say which.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// This program, in another role.
const THIS: &str = "peers";
const CHAT: &str = "chat";

/// All servers, in the order they are measured and shown in.
pub const SERVERS: [Server; 7] = [
    Server { name: "relay", dialect: &Chat, program: THIS, words: "relay @port@", configuration: "" },
    Server {
        name: "chat-memory",
        dialect: &Chat,
        program: CHAT,
        words: "serve --memory --no-announce --unlimited --listen tcp://127.0.0.1:@port@",
        configuration: "",
    },
    Server {
        name: "chat-disk",
        dialect: &Chat,
        program: CHAT,
        words: "serve --data @scratch@/rooms --no-announce --unlimited --listen tcp://127.0.0.1:@port@",
        configuration: "",
    },
    Server {
        name: "inspircd",
        dialect: &Irc,
        program: "inspircd",
        words: "--config @scratch@/configuration --nofork --runasroot",
        configuration: include_str!("configurations/inspircd.conf"),
    },
    Server {
        name: "ngircd",
        dialect: &Irc,
        program: "ngircd",
        words: "-n -f @scratch@/configuration",
        configuration: include_str!("configurations/ngircd.conf"),
    },
    Server {
        name: "nats",
        dialect: &Nats,
        program: "nats-server",
        words: "-c @scratch@/configuration",
        configuration: include_str!("configurations/nats.conf"),
    },
    Server {
        name: "mosquitto",
        dialect: &Mqtt,
        program: "mosquitto",
        words: "-c @scratch@/configuration",
        configuration: include_str!("configurations/mosquitto.conf"),
    },
];

/// How long one may take to listen.
const START: Duration = Duration::from_secs(10);
