//! The twenty people who talk, each from an address of its own, and what they notice.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::server::{ADDRESS, PASSWORD};

/// How many people talk.
const PEOPLE: usize = 20;
/// A message of some person comes every so often.
const PACE: Duration = Duration::from_millis(100);
/// For how long a message that was not delivered yet is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Twenty people in one room.
#[derive(Debug)]
pub struct People {
    links: Vec<TcpStream>,
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// When each message was said, and to how many it was delivered.
    messages: Mutex<Vec<(Instant, usize)>>,
    /// Of each delivery, in ms.
    latencies: Mutex<Vec<f64>>,
}

/// What the people noticed of an attack.
#[derive(Debug, Default)]
pub struct Noticed {
    /// Of each delivery, in ms, ascending.
    latencies: Vec<f64>,
    /// Deliveries that did not come.
    pub lost: usize,
}

impl Noticed {
    pub fn percentile(&self, percent: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (self.latencies.len() as f64 * percent / 100.0) as usize;
        self.latencies.get(at.min(last)).copied().unwrap_or(f64::NAN)
    }
}

impl People {
    pub fn enter() -> io::Result<People> {
        let mut people = People { links: Vec::new(), shared: Arc::default(), readers: Vec::new() };
        for number in 0..PEOPLE {
            let mut link = connect(Ipv4Addr::new(10, 77, 1, number as u8 + 1))?;
            let hello =
                format!(r#"{{"type":"hello","protocol":1,"name":"person{number}","password":"{PASSWORD}"}}"#);
            write(&mut link, &hello)?;
            write(&mut link, r#"{"type":"join","id":1,"room":"office"}"#)?;
            let mut reading = link.try_clone()?;
            loop {
                let frame = read(&mut reading)?;
                if frame.starts_with(br#"{"type":"error""#) {
                    return Err(io::Error::other(String::from_utf8_lossy(&frame).into_owned()));
                }
                if frame.starts_with(br#"{"type":"joined""#) {
                    break;
                }
            }
            let shared = people.shared.clone();
            people.readers.push(thread::spawn(move || {
                while let Ok(frame) = read(&mut reading) {
                    shared.note(&frame);
                }
            }));
            people.links.push(link);
        }
        Ok(people)
    }

    /// Ten messages a second for so long, and what was noticed of them.
    pub fn talk(&self, time: Duration) -> io::Result<Noticed> {
        let first = lock(&self.shared.messages).len();
        let rounds = usize::try_from(time.as_millis() / PACE.as_millis()).unwrap_or(0);
        lock(&self.shared.latencies).clear();
        let began = Instant::now();
        for round in 0..rounds {
            let due = began + PACE * round as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let number = first + round;
            lock(&self.shared.messages).push((Instant::now(), 0));
            let mut link = &self.links[number % PEOPLE];
            write(
                &mut link,
                &format!(
                    r#"{{"type":"say","id":{},"room":"office","text":"number {number}."}}"#,
                    number + 10
                ),
            )?;
            if round % 150 == 149 {
                for mut link in &self.links {
                    write(&mut link, r#"{"type":"ping","id":2}"#)?;
                }
            }
        }
        let due = Instant::now() + PATIENCE;
        loop {
            let lost: usize =
                lock(&self.shared.messages)[first..].iter().map(|(_, times)| PEOPLE - times).sum();
            if lost == 0 || Instant::now() > due {
                let mut latencies = lock(&self.shared.latencies).clone();
                latencies.sort_by(f64::total_cmp);
                return Ok(Noticed { latencies, lost });
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Shared {
    /// Takes note of a frame, if it is a message of one of the people.
    fn note(&self, frame: &[u8]) {
        let Ok(frame) = std::str::from_utf8(frame) else { return };
        let Some((_, rest)) = frame.split_once(r#""text":"number "#) else { return };
        let number = rest.split_once('.').and_then(|(number, _)| number.parse::<usize>().ok());
        let mut messages = lock(&self.messages);
        if let Some((said, times)) = number.and_then(|number| messages.get_mut(number)) {
            *times += 1;
            let latency = said.elapsed().as_secs_f64() * 1000.0;
            lock(&self.latencies).push(latency);
        }
    }
}

impl Drop for People {
    fn drop(&mut self) {
        for link in &self.links {
            let _ = link.shutdown(Shutdown::Both);
        }
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

/// A TCP connection to the server from `host`.
pub fn connect(host: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((host, 0)).into())?;
    let server: SocketAddr = ADDRESS.parse().map_err(io::Error::other)?;
    socket.connect_timeout(&server.into(), Duration::from_secs(10))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// Writes one frame.
pub fn write(link: &mut impl Write, frame: &str) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(frame.as_bytes());
    link.write_all(&bytes)
}

/// Reads one frame.
fn read(link: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    link.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    link.read_exact(&mut frame)?;
    Ok(frame)
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
