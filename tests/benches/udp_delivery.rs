//! What delivering a datagram costs the server, next to a loop that does nothing but `sendto`.
//!
//! `cargo bench -p chat-tests --bench udp_delivery`, and with `-- header` for clients whose datagrams have a header, which
//! are sent several messages in one. Two hundred people are in a room over UDP on this machine, and
//! ten of them talk, five messages each at a time, until everybody has everything. What the server's threads spend
//! on their processors for that, per datagram that arrived, is compared with a program that sends as many datagrams
//! of the same size to the same sockets. Rounds of both alternate; the medians count.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it measured")]

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, UdpSocket},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("serve") => return chat_cli::run(chat_cli::standard()),
        Some("sendto") => sendto(&args[1..]),
        Some("header") => compare(Form::Header),
        _ => compare(Form::Json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("udp_delivery: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(form: Form) -> Outcome<()> {
    let mut server =
        Subject::start(&["serve", "--no-announce", "--unlimited", "--listen", &format!("udp://{LISTEN}:0")])?;
    let url = server.line()?;
    let port = url.trim().rsplit(':').next().ok_or("no address")?.parse::<u16>()?;
    let at: SocketAddr = ([127, 0, 0, 1], port).into();
    let mut members =
        (0..MEMBERS).map(|number| Member::enter(at, number, form)).collect::<Outcome<Vec<_>>>()?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        members.iter_mut().for_each(Member::drain);
        let (cpu, delivered) = measure(server.id(), &mut members, |members| {
            members.iter_mut().take(TALKERS).try_for_each(|it| it.talk(at))
        })?;
        ours.push(cpu / delivered as f64);

        let ports: Vec<String> = members.iter().map(|it| it.port.to_string()).collect();
        let mut sender = Subject::start(&[&["sendto".to_owned()][..], &ports].concat())?;
        members.iter_mut().for_each(Member::drain);
        let (cpu, sent) = measure(sender.id(), &mut members, |_| sender.wave())?;
        bare.push(cpu / sent as f64);
        eprintln!(
            "round {}: server {:.0} ns, sendto {:.0} ns; {delivered} and {sent} datagrams arrived",
            round + 1,
            ours[round],
            bare[round]
        );
    }
    let (ours, bare) = (median(ours), median(bare));
    println!("server: {ours:.0} ns of processor time per delivered datagram");
    println!("sendto: {bare:.0} ns");
    println!("ratio: {:.2} (at most 1.2 is wanted)", ours / bare);
    Ok(())
}

/// Processor nanoseconds of a process, and how many datagrams arrived, over all waves.
fn measure(
    process: u32,
    members: &mut [Member],
    mut wave: impl FnMut(&mut [Member]) -> Outcome<()>,
) -> Outcome<(f64, usize)> {
    let before = processor_time(process)?;
    let mut arrived = 0;
    for _ in 0..WAVES {
        members.iter_mut().for_each(|it| it.heard = 0);
        wave(members)?;
        let deadline = Instant::now() + PATIENCE;
        while members.iter().any(|it| it.heard < A_WAVE) && Instant::now() < deadline {
            members.iter_mut().filter(|it| it.heard < A_WAVE).for_each(Member::drain);
        }
        arrived += members.iter().map(|it| it.heard).sum::<usize>();
    }
    Ok((processor_time(process)? - before, arrived))
}

/// Does nothing but send: as much to each port as a wave brings, whenever a line comes.
fn sendto(ports: &[String]) -> Outcome<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let ports = ports.iter().map(|it| Ok(([127, 0, 0, 1], it.parse::<u16>()?).into()));
    let ports = ports.collect::<Outcome<Vec<SocketAddr>>>()?;
    let frame = format!(
        r#"{{"type":"message","room":"lobby","seq":1000,"from":"member000","at":1732100000000,"text":"{TEXT}"}}"#
    );
    for _ in io::stdin().lock().lines() {
        for _ in 0..A_WAVE {
            for port in &ports {
                socket.send_to(frame.as_bytes(), port)?;
            }
        }
    }
    Ok(())
}

/// This program once more, as what is measured.
struct Subject {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Subject {
    fn start<S: AsRef<str>>(args: &[S]) -> Outcome<Subject> {
        let mut child = Command::new(env::current_exe()?)
            .args(args.iter().map(AsRef::as_ref))
            .env("RUST_LOG", "error")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Subject { child, input, output })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }

    /// Has the bare loop send a wave.
    fn wave(&mut self) -> Outcome<()> {
        writeln!(self.input, "wave")?;
        Ok(self.input.flush()?)
    }

    fn id(&self) -> u32 {
        self.child.id()
    }
}

/// What the threads of a process have spent on processors, in nanoseconds.
fn processor_time(process: u32) -> Outcome<f64> {
    let spent = chat_cli::process::cpu(process).ok_or("the system does not tell what a process uses")?;
    Ok(spent.as_secs_f64() * 1e9)
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The form of datagrams (protocol 15.8).
#[derive(Clone, Copy, Debug)]
enum Form {
    Json,
    Header,
}

/// Somebody in the room, who neither asks for what is lost nor repeats anything.
struct Member {
    socket: UdpSocket,
    port: u16,
    form: Form,
    token: u128,
    link: Value,
    last_id: u64,
    heard: usize,
}

impl Member {
    fn enter(server: SocketAddr, number: usize, form: Form) -> Outcome<Member> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let port = socket.local_addr()?.port();
        let token = 0x7000_0000 + number as u128;
        let mut member = Member { socket, port, form, token, link: Value::Null, last_id: 1, heard: 0 };
        let mut hello = json!({"type": "hello", "protocol": 1, "name": format!("member{number:03}")});
        match form {
            Form::Json => {
                hello["cookie"] = member.ask(server, HELLO, 0, &hello, "challenge")?["cookie"].take();
                member.link = member.ask(server, HELLO, 0, &hello, "welcome")?["link"].take();
            }
            Form::Header => {
                member.send(server, HELLO, 0, &hello)?;
                let mut buffer = [0; 65_536];
                let len = member.socket.recv(&mut buffer)?;
                let cookie = buffer[..len].get(17..25).ok_or("no challenge")?.try_into()?;
                member.ask(server, HELLO, u64::from_be_bytes(cookie), &hello, "welcome")?;
            }
        }
        let mut join = json!({"type": "join", "id": 1, "room": "lobby", "recent": 0});
        member.sign(&mut join);
        member.ask(server, DATA, 1, &join, "joined")?;
        member.socket.set_nonblocking(true)?;
        Ok(member)
    }

    /// Adds the token where there is no header for it.
    fn sign(&self, request: &mut Value) {
        if let Form::Json = self.form {
            request["link"] = self.link.clone();
        }
    }

    fn send(&self, server: SocketAddr, kind: u8, number: u64, request: &Value) -> io::Result<()> {
        let frame = request.to_string();
        let datagram = match self.form {
            Form::Json => frame.into_bytes(),
            Form::Header => {
                let len = (frame.len() as u16).to_be_bytes();
                [&[kind][..], &self.token.to_be_bytes(), &number.to_be_bytes(), &len, frame.as_bytes()]
                    .concat()
            }
        };
        self.socket.send_to(&datagram, server).map(drop)
    }

    fn ask(
        &self,
        server: SocketAddr,
        kind: u8,
        number: u64,
        request: &Value,
        answer: &str,
    ) -> Outcome<Value> {
        self.send(server, kind, number, request)?;
        loop {
            let mut buffer = [0; 65_536];
            let len = self.socket.recv(&mut buffer)?;
            for frame in self.form.frames(&buffer[..len]) {
                let event: Value = serde_json::from_slice(frame)?;
                if event["type"] == answer {
                    return Ok(event);
                }
            }
        }
    }

    fn talk(&mut self, server: SocketAddr) -> Outcome<()> {
        for _ in 0..A_WAVE / TALKERS {
            self.last_id += 1;
            let mut say = json!({"type": "say", "id": self.last_id, "room": "lobby", "text": TEXT});
            self.sign(&mut say);
            self.send(server, DATA, self.last_id, &say)?;
        }
        Ok(())
    }

    /// Reads what has come, and counts the messages among it.
    fn drain(&mut self) {
        let mut buffer = [0; 2048];
        while let Ok(len) = self.socket.recv(&mut buffer) {
            let frames = self.form.frames(&buffer[..len]).into_iter();
            self.heard += frames.filter(|frame| frame.starts_with(br#"{"type":"message""#)).count();
        }
    }
}

impl Form {
    /// The frames of a datagram, or as far as they can be read.
    fn frames(self, datagram: &[u8]) -> Vec<&[u8]> {
        let mut rest = match self {
            Form::Json => return vec![datagram],
            Form::Header => datagram.get(25..).unwrap_or_default(),
        };
        let mut frames = Vec::new();
        while let Some((len, body)) = rest.split_first_chunk()
            && let Some((frame, behind)) = body.split_at_checked(usize::from(u16::from_be_bytes(*len)))
        {
            frames.push(frame);
            rest = behind;
        }
        frames
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The kinds of datagrams that a client sends (protocol 15.17).
const HELLO: u8 = 1;
const DATA: u8 = 4;
/// As `chat serve` does by itself: every address, so that each answer says which one it is from.
const LISTEN: &str = "0.0.0.0";
const MEMBERS: usize = 200;
const TALKERS: usize = 10;
/// Messages that everybody gets before the next are said.
const A_WAVE: usize = 50;
const WAVES: usize = 40;
const ROUNDS: usize = 5;
/// How long a wave may take. Datagrams that are lost meanwhile are not waited for.
const PATIENCE: Duration = Duration::from_millis(500);
const TEXT: &str = "a line as people write it, neither short nor long, and without a point";
