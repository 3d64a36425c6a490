//! The Python client that README.md shows does what README.md says.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use chat_core::wire::{
    self, Author, Body, Code, EntryFrame, Event, Goodbye, Reason, Request, RequestBody, Welcome,
};
use chat_testkit::needs::Need;
use libtest_mimic::Trial;

use crate::harness::{Fate, Process, Server, UdpProxy};

/// The tests of this module and what they need.
pub fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[Need::Tool("python3")] => {
            two_python_clients_talk_in_a_room,
            the_python_client_over_udp_says_each_line_once_on_a_bad_network,
            the_python_client_pings_however_its_frames_come,
            the_python_clients_wait_until_their_name_is_free,
        }
        &[Need::Tool("python3"), Need::Other("the Python module noise", noise_is_there)] => {
            the_python_client_that_encrypts_is_no_guest,
        }
    }
}

/// Whether Python has the module with which the last client encrypts.
fn noise_is_there() -> Result<(), String> {
    let mut python = Command::new("python3");
    python.args(["-c", "import noise.connection"]).stdout(Stdio::null()).stderr(Stdio::null());
    match python.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("pip install noiseprotocol".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// protocol 19.2, protocol 19.3, protocol 19.6, protocol 19.10
fn the_python_client_that_encrypts_is_no_guest() {
    let server = Server::start(&["--secure-only"]);
    let mut reader = Process::join(&format!("tcp://127.0.0.1:{}", server.port()), "ana", "lobby");
    let mut bob = Client::start(server.port(), python(3), "bob", &["hi ana", "grüße ✓"]);
    for (seq, text) in [(1, "hi ana"), (2, "grüße ✓")] {
        assert_eq!(bob.line(), format!("bob: {text}"));
        let message = reader.expect("message", |event| (event["type"] == "message").then(|| event.clone()));
        assert_eq!((message["seq"].as_u64(), message["text"].as_str()), (Some(seq), Some(text)));
        assert!(message["key"].is_string(), "{message}");
    }
}

fn two_python_clients_talk_in_a_room() {
    let server = Server::start(&[]);
    let mut ana = Client::start(server.port(), python(0), "ana", &["hi all"]);
    assert_eq!(ana.line(), "ana: hi all");
    let mut bob = Client::start(server.port(), python(0), "bob", &["hi ana", "grüße ✓"]);
    for line in ["ana: hi all", "bob: hi ana", "bob: grüße ✓"] {
        assert_eq!(bob.line(), line);
    }
    for line in ["bob: hi ana", "bob: grüße ✓"] {
        assert_eq!(ana.line(), line);
    }
}

/// protocol 5.4, protocol 15.9, protocol 15.10, protocol 17.1
fn the_python_client_over_udp_says_each_line_once_on_a_bad_network() {
    let server = Server::at(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"], &[]);
    let proxy = UdpProxy::start(server.udp_port(), Fate { lost: 20, doubled: 10, overtaken: 20 }, 5);
    let texts: Vec<String> = (1..=10).map(|number| format!("grüße {number}")).collect();
    let lines: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut reader = Client::start(server.port(), python(0), "bob", &[]);
    let mut ana = Client::start(proxy.port(), python(1), "ana", &lines);
    for (seq, text) in (1..).zip(&texts) {
        assert_eq!(ana.line(), format!("{seq} {text}"));
        assert_eq!(reader.line(), format!("ana: {text}"));
    }
    assert!(ana.end().success());
}

/// protocol 12.4: a ping every so often, in a room where nothing happens, within a frame, and in a busy room.
fn the_python_client_pings_however_its_frames_come() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let hasty = python(0).replace("PING_EVERY = 15 ", "PING_EVERY = 0.05 ");
    assert_ne!(hasty, python(0), "README.md says every 15 seconds");
    let mut client = Client::start(port, &hasty, "ana", &["hi"]);
    let mut link = Link(within(move || listener.accept().unwrap().0));

    assert!(matches!(link.read().body, RequestBody::Hello(hello) if hello.name == "ana"));
    link.write(&Event::Welcome(welcome()));
    assert!(matches!(link.read_beyond_pings().body, RequestBody::Join(join) if join.room == "lobby"));
    assert!(matches!(link.read_beyond_pings().body, RequestBody::Post(say) if say.text == "hi"));
    link.expect_ping();

    let frame = framed(&message("one half, then the other"));
    let (head, tail) = frame.split_at(frame.len() / 2);
    link.0.write_all(head).unwrap();
    link.expect_ping();
    link.expect_ping();
    link.0.write_all(tail).unwrap();
    assert_eq!(client.line(), "bob: one half, then the other");

    let begun = Instant::now();
    let mut pings = 0;
    while pings < 10 {
        assert!(begun.elapsed() < DEADLINE, "{pings} pings from a busy room");
        link.write(&message("and so on"));
        if link.has_frame(Duration::from_millis(5)) {
            link.expect_ping();
            pings += 1;
        }
        assert_eq!(client.line(), "bob: and so on");
    }
    link.write(&Event::Goodbye(Goodbye { reason: Reason::Shutdown, retry_after_ms: None }));
    assert!(!client.end().success());
}

/// protocol 2.12: a client that has lost its secret waits for its own name.
fn the_python_clients_wait_until_their_name_is_free() {
    let taken = Event::Error(wire::Error::of(None, Code::NameTaken, "wait").until(Duration::from_millis(20)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = Client::start(listener.local_addr().unwrap().port(), python(0), "ana", &[]);
    let listener = std::sync::Arc::new(listener);
    for answer in [taken.clone(), Event::Welcome(welcome())] {
        let accepting = listener.clone();
        let mut link = Link(within(move || accepting.accept().unwrap().0));
        assert!(matches!(link.read().body, RequestBody::Hello(hello) if hello.name == "ana"));
        link.write(&answer);
        if matches!(answer, Event::Welcome(_)) {
            assert!(matches!(link.read().body, RequestBody::Join(_)));
            link.write(&Event::Goodbye(Goodbye { reason: Reason::Shutdown, retry_after_ms: None }));
        }
    }
    assert!(!client.end().success());

    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let client = Client::start(socket.local_addr().unwrap().port(), python(1), "ana", &[]);
    let hello = |answer: &Event| {
        let mut datagram = [0; 4096];
        let (bytes, from) = socket.recv_from(&mut datagram).expect("the client says hello");
        let request = wire::read_request(&datagram[..bytes]).unwrap();
        assert!(matches!(request.body, RequestBody::Hello(hello) if hello.name == "ana"));
        socket.send_to(&wire::write(answer), from).unwrap();
    };
    hello(&taken);
    hello(&Event::Error(wire::Error::of(None, Code::NameTaken, "no")));
    assert!(!client.end().success());
}

/// A Python client that runs, and what it prints.
struct Client {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Client {
    fn start(port: u16, source: &str, name: &str, lines: &[&str]) -> Client {
        let port = port.to_string();
        let mut child = Command::new("python3")
            .args(["-c", source, "127.0.0.1", &port, name, "lobby"])
            .args(lines)
            .env("PYTHONIOENCODING", "utf-8")
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 can be run");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Client { child, lines: receiver }
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("the client prints a line")
    }

    fn end(mut self) -> ExitStatus {
        assert_eq!(self.lines.recv_timeout(DEADLINE), Err(mpsc::RecvTimeoutError::Disconnected));
        self.child.wait().unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

/// The server's end of a link, byte by byte.
struct Link(TcpStream);

impl Link {
    fn read(&mut self) -> Request<'static> {
        self.0.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut len = [0; 4];
        self.0.read_exact(&mut len).expect("the client sends a frame");
        let mut frame = vec![0; u32::from_be_bytes(len) as usize];
        self.0.read_exact(&mut frame).expect("the client sends all of it");
        wire::read_request(frame.leak()).expect("it is protocol") // a test may forget a few bytes
    }

    /// On a busy machine the client may have waited long enough for a ping wherever it waited.
    fn read_beyond_pings(&mut self) -> Request<'static> {
        loop {
            match self.read() {
                Request { body: RequestBody::Ping, .. } => {}
                other => return other,
            }
        }
    }

    fn has_frame(&mut self, within: Duration) -> bool {
        self.0.set_read_timeout(Some(within)).unwrap();
        self.0.peek(&mut [0]).is_ok()
    }

    fn expect_ping(&mut self) {
        let request = self.read();
        assert!(matches!(request.body, RequestBody::Ping), "{request:?}");
    }

    fn write(&mut self, event: &Event) {
        self.0.write_all(&framed(event)).unwrap();
    }
}

fn framed(event: &Event) -> Vec<u8> {
    let frame = wire::write(event);
    [&(frame.len() as u32).to_be_bytes(), &*frame].concat()
}

fn welcome() -> Welcome {
    Welcome {
        protocol: wire::PROTOCOL,
        name: "ana".into(),
        server: "a test".into(),
        resume: "secret".into(),
        resumed: false,
        at: None,
        limits: Default::default(),
    }
}

fn message(text: &str) -> Event {
    Event::Entry(EntryFrame {
        room: "lobby".into(),
        seq: 1,
        author: Author::person("bob"),
        to: None,
        at: 0,
        body: Body::message(text),
    })
}

/// Waits for what may never come.
fn within<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(wait()));
    receiver.recv_timeout(DEADLINE).expect("it happens in time")
}

/// A client as README.md shows it: the first one is over TCP, the second over UDP, the third finds servers, the fourth
/// encrypts.
pub fn python(number: usize) -> &'static str {
    let mut clients = include_str!("../../../README.md").split("\n```python\n").skip(1);
    let client = clients.nth(number).expect("it has four clients");
    client.split_once("\n```\n").expect("which ends").0
}

const DEADLINE: Duration = Duration::from_secs(20);
