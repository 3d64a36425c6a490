//! What a server in use may meet: readers that stop, everybody coming back at once, many who only look in, and people
//! over TCP and UDP in one room. Says what it took; the server is this program too, as a process of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use chat_cli::Pool;
use chat_core::{
    Address, ClientId, SharedRuntime,
    client::{Config, Update, start},
    wire::{Join, RequestBody},
};
use chat_measure::{
    TargetServer,
    load::{Clients, Figures, Lasts, Load, Pace},
};
use chat_tcp::Tcp;
use futures::{FutureExt, StreamExt};

fn main() -> ExitCode {
    if env::var_os(IS_SERVER).is_some() {
        return chat_cli::run(chat_cli::standard());
    }
    let files = rlimit::increase_nofile_limit(rlimit::INFINITY);
    println!("open files: {files:?}");
    let asked = env::args().nth(1).unwrap_or_default();
    let done = match asked.as_str() {
        "stopped" => stopped(),
        "restart" => restart(10_000),
        "cycles" => cycles(100_000),
        "mixed" => mixed(),
        _ => {
            eprintln!("storms [stopped|restart|cycles|mixed]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("storms: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A server that is killed when this is dropped.
struct Server {
    child: Child,
    /// For TCP.
    at: SocketAddr,
    udp: String,
}

impl Server {
    fn start(port: u16) -> io::Result<Server> {
        let listen = format!("tcp://127.0.0.1:{port}");
        let mut child = Command::new(env::current_exe()?)
            .args(["serve", "--memory", "--no-announce", "--unlimited", "--listen", &listen])
            .args(["--listen", "udp://127.0.0.1:0"])
            .args(["--child-of", &std::process::id().to_string()])
            .env(IS_SERVER, "")
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let lines: Vec<String> = said.lines().take(2).collect::<io::Result<_>>()?;
        let [tcp, udp] = &lines[..] else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let at = tcp.strip_prefix("listening on tcp://").and_then(|it| it.parse().ok());
        let udp = udp.strip_prefix("listening on ").unwrap_or_default().to_owned();
        Ok(Server { child, at: at.ok_or_else(|| io::Error::other(tcp.clone()))?, udp })
    }

    /// What it has in memory, in KiB, and how many descriptors it has open.
    fn holds(&self) -> io::Result<(u64, usize)> {
        let process = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{process}/status"))?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).unwrap_or_default();
        let memory = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        Ok((memory, fs::read_dir(format!("{process}/fd"))?.count()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How late 900 readers are, without and with 100 more in their room that read nothing.
fn stopped() -> io::Result<()> {
    for round in 0..3 {
        for stopped in [0, 100] {
            let server = Server::start(0)?;
            let prefix = format!("storm{round}-");
            let (figures, before) = futures::executor::block_on(async {
                let mut clients = Clients::new(talk(900, 1000), target(&server, &prefix));
                clients.join().await.map_err(io::Error::other)?;
                let readers = (0..stopped).map(|nth| join(&server, nth, &format!("{prefix}room-0")));
                let readers: Vec<TcpStream> = readers.collect::<io::Result<_>>()?;
                let before = server.holds()?.0;
                clients.talk(Instant::now() + Duration::from_millis(200)).await;
                let after = server.holds()?.0;
                drop(readers);
                io::Result::Ok((clients.leave().await, (before, after)))
            })?;
            let more = before.1.saturating_sub(before.0);
            println!("{stopped:>3} stopped: {}; memory {more} KiB more", late(&figures));
        }
    }
    Ok(())
}

/// Somebody who enters a room by hand and never reads again.
fn join(server: &Server, nth: usize, room: &str) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(server.at)?;
    let hello = format!(r#"{{"type":"hello","protocol":1,"name":"stopped-{nth}"}}"#);
    let join = format!(r#"{{"type":"join","id":1,"room":"{room}"}}"#);
    for frame in [hello, join] {
        socket.write_all(&u32::try_from(frame.len()).map_err(io::Error::other)?.to_be_bytes())?;
        socket.write_all(frame.as_bytes())?;
    }
    socket.read_exact(&mut [0; 4])?; // it is let in
    Ok(socket)
}

/// How long it takes until all clients are in their rooms again after the server was killed and is back.
fn restart(clients: usize) -> io::Result<()> {
    let mut server = Server::start(0)?;
    let inside = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let address = format!("tcp://{}", server.at);
    seat(clients, &address, |nth| format!("storm-{}", nth % 1000), &inside, AfterLoss::ComesBack)?;
    until(|| inside.load(Relaxed) == clients)?;
    println!(
        "{clients} clients are in after {:.1} s; {:?} (KiB, descriptors)",
        began.elapsed().as_secs_f64(),
        server.holds()?
    );
    let port = server.at.port();
    server.child.kill()?;
    server.child.wait()?;
    until(|| inside.load(Relaxed) == 0)?;
    let back = Instant::now();
    server = Server::start(port)?;
    until(|| inside.load(Relaxed) == clients)?;
    println!("all are back {:.1} s after the server is", back.elapsed().as_secs_f64());
    println!("{:?} (KiB, descriptors)", server.holds()?);
    Ok(())
}

/// What is left of many who connect and go, every tenth after a hello.
fn cycles(many: usize) -> io::Result<()> {
    let server = Server::start(0)?;
    let mut look_in = |nth: usize| -> io::Result<()> {
        let mut socket = TcpStream::connect(server.at)?;
        if nth.is_multiple_of(10) {
            let hello = format!(r#"{{"type":"hello","protocol":1,"name":"cycle-{nth}"}}"#);
            socket.write_all(&u32::try_from(hello.len()).map_err(io::Error::other)?.to_be_bytes())?;
            socket.write_all(hello.as_bytes())?;
            socket.read_exact(&mut [0; 4])?;
        }
        // A reset, or ports would run out: those of orderly ends are kept for a minute.
        nix::sys::socket::setsockopt(
            &socket,
            nix::sys::socket::sockopt::Linger,
            &nix::libc::linger { l_onoff: 1, l_linger: 0 },
        )
        .map_err(io::Error::from)
    };
    let rest = || thread::sleep(Duration::from_secs(40)); // sessions are kept for 30 s
    // The first time memory is laid out for as many sessions as there are at a time, and stays.
    for _ in 0..3 {
        let began = Instant::now();
        (0..many).try_for_each(&mut look_in)?;
        let took = began.elapsed().as_secs_f64();
        rest();
        println!("{many} cycles in {took:.1} s; then {:?} (KiB, descriptors)", server.holds()?);
    }
    Ok(())
}

/// How late 100 people over TCP are, with 100 others in their room over TCP, and with 100 over UDP.
fn mixed() -> io::Result<()> {
    for round in 0..5 {
        for others in ["tcp", "udp"] {
            let server = Server::start(0)?;
            let prefix = format!("mixed{round}-");
            let figures = futures::executor::block_on(async {
                let mut clients = Clients::new(talk(100, 100), target(&server, &prefix));
                clients.join().await.map_err(io::Error::other)?;
                let inside = Arc::new(AtomicUsize::new(0));
                let tcp = format!("tcp://{}", server.at);
                let address = if others == "tcp" { &tcp } else { &server.udp };
                seat(100, address, |_| format!("{prefix}room-0"), &inside, AfterLoss::Goes)?;
                until(|| inside.load(Relaxed) == 100)?;
                clients.talk(Instant::now() + Duration::from_millis(200)).await;
                io::Result::Ok(clients.leave().await)
            })?;
            println!("100 others over {others}: {}", late(&figures));
        }
    }
    Ok(())
}

/// What a client does that has lost its server.
#[derive(Clone, Copy, PartialEq)]
enum AfterLoss {
    ComesBack,
    Goes,
}

/// Has clients like those people use come into rooms and stay; `inside` counts those who are in.
fn seat(
    clients: usize,
    address: &str,
    room: impl Fn(usize) -> String,
    inside: &Arc<AtomicUsize>,
    after_loss: AfterLoss,
) -> io::Result<()> {
    let runtime: SharedRuntime = Arc::new(Pool);
    let address: Address = address.parse().map_err(io::Error::other)?;
    let transport = chat_cli::standard().get(&address).map_err(io::Error::other)?;
    for nth in 0..clients {
        let config = Config {
            name: format!("storm-{nth}"),
            client: ClientId(runtime.random()),
            password: None,
            seed: nth as u64,
            raw: false,
        };
        let (mut remote, mut updates) = start(config, transport.clone(), address.clone(), runtime.clone());
        let (inside, room) = (inside.clone(), room(nth));
        let live = async move {
            let _ = remote.ask(RequestBody::Join(Join { room: room.into(), ..Join::default() }), 0).await;
            let mut is_in = false;
            while let Some(update) = updates.next().await {
                let was = match update {
                    Update::Joined { .. } => std::mem::replace(&mut is_in, true),
                    Update::Disconnected { .. } => std::mem::replace(&mut is_in, false),
                    _ => continue,
                };
                match (was, is_in) {
                    (false, true) => _ = inside.fetch_add(1, Relaxed),
                    (true, false) => _ = inside.fetch_sub(1, Relaxed),
                    _ => {}
                }
                if was && !is_in && after_loss == AfterLoss::Goes {
                    return;
                }
            }
        };
        runtime.spawn(live.boxed());
    }
    Ok(())
}

/// `clients` in one room, ten of whom say fifty messages of `bytes` bytes a second together.
fn talk(clients: usize, bytes: usize) -> Load {
    Load {
        clients,
        rooms: 1,
        senders: 10,
        pace: Pace::Rate(50.0),
        size: bytes..=bytes,
        lasts: Lasts::Time(Duration::from_secs(8)),
        warmup: Duration::from_secs(1),
        ramp: None,
        seed: 1,
    }
}

/// How late the messages were.
fn late(figures: &Figures) -> String {
    let millis = |quantile| figures.latency.quantile(quantile).unwrap_or(0) as f64 / 1000.0;
    let (p50, p99, max) = (millis(0.5), millis(0.99), millis(1.0));
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.1} ms; lost {}", figures.lost)
}

fn until(what: impl Fn() -> bool) -> io::Result<()> {
    let end = Instant::now() + Duration::from_secs(120);
    while !what() {
        if Instant::now() > end {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it took longer than two minutes"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn target(server: &Server, prefix: &str) -> TargetServer {
    let runtime: SharedRuntime = Arc::new(Pool);
    TargetServer {
        transport: Arc::new(Tcp::new(runtime.clone())),
        address: format!("tcp://{}", server.at).parse().expect("it is an address"),
        password: None,
        prefix: prefix.to_owned(),
        runtime,
    }
}

const IS_SERVER: &str = "STORMS_IS_SERVER";
