//! Measures how much delay the emulator adds to a packet, and how many packets it carries: `cargo bench -p chat-lab`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    error::Error,
    io,
    net::{SocketAddr, UdpSocket},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use chat_lab::{Condition, Counts, Lab, Running};

fn main() -> Result<(), Box<dyn Error>> {
    let lab = Lab::enter()?;
    // The longer nothing happens, the longer a processor takes to wake up.
    for (condition, pause) in [("", 1), ("", 5), ("delay=5ms", 1), ("delay=5ms", 5)] {
        let link = start(&lab, condition)?;
        let pause = Duration::from_millis(pause);
        let crossing = one_way(SocketAddr::new(link.server_address(), 7), pause)?;
        let asked = link_delay(condition)?;
        // After the same silence: the receiver has slept as long.
        let beside = one_way(SocketAddr::new(link.listen_address(), 7), pause + asked)?;
        let times = [50, 90].map(|percent| {
            let at = crossing.len() * percent / 100;
            let added = crossing[at].saturating_sub(beside[at]).saturating_sub(asked);
            format!("p{percent} {:.1} us beyond the {:.1} us of loopback", micros(added), micros(beside[at]))
        });
        println!("{condition:>9} packets every {pause:?} and more: {}", times.join(", "));
        link.stop()?;
    }
    for condition in ["", "delay=5ms", "delay=5ms,jitter=2ms,loss=1%,reorder=1%,duplicate=1%"] {
        let asked = if condition.is_empty() { "no condition" } else { condition };
        let (counts, _) = flood(&start(&lab, condition)?, Some(100_000), Duration::from_secs(3))?;
        let up = counts.up;
        let sent = up.sent.udp.packets + counts.missed;
        println!("{asked}: sent {} a second, missed {} of {sent}", sent / 3, counts.missed);
        let (counts, took) = flood(&start(&lab, condition)?, None, Duration::from_secs(3))?;
        let rate = counts.up.sent.udp.packets as f64 / took.as_secs_f64();
        println!("{asked}: as fast as they come, carried {rate:.0} a second, missed {}", counts.missed);
    }
    Ok(())
}

fn start(lab: &Lab, condition: &str) -> Result<Running, Box<dyn Error>> {
    Ok(lab.link(condition.parse()?, condition.parse()?, 1)?)
}

fn link_delay(condition: &str) -> Result<Duration, Box<dyn Error>> {
    Ok(condition.parse::<Condition>()?.settings().delay)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// How long datagrams take to the server, one at a time with pauses, the shortest first.
fn one_way(to: SocketAddr, pause: Duration) -> io::Result<Vec<Duration>> {
    let server = UdpSocket::bind(("0.0.0.0", to.port()))?;
    server.set_read_timeout(Some(Duration::from_secs(1)))?;
    let (arrived, arrivals) = mpsc::channel();
    let receiver =
        thread::spawn(
            move || {
                while server.recv(&mut [0; 100]).is_ok() && arrived.send(Instant::now()).is_ok() {}
            },
        );
    let client = UdpSocket::bind("0.0.0.0:0")?;
    client.connect(to)?;
    let mut times = Vec::new();
    for _ in 0..300 {
        thread::sleep(pause);
        let sent = Instant::now();
        client.send(&[0; 100])?;
        times.push(arrivals.recv().map_err(io::Error::other)? - sent);
    }
    drop(arrivals);
    client.send(&[0; 100])?;
    receiver.join().expect("the receiver does not panic");
    times.sort();
    Ok(times)
}

/// Sends datagrams from the client to the server, so many a second or as many as go.
fn flood(link: &Running, rate: Option<u64>, time: Duration) -> io::Result<(Counts, Duration)> {
    let server = UdpSocket::bind("0.0.0.0:9")?;
    server.set_read_timeout(Some(Duration::from_millis(500)))?;
    let receiver = thread::spawn(move || while server.recv(&mut [0; 100]).is_ok() {});
    let client = UdpSocket::bind("0.0.0.0:0")?;
    client.connect((link.server_address(), 9))?;
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < time {
        let due = rate.map_or(u64::MAX, |rate| began.elapsed().as_micros() as u64 * rate / 1_000_000);
        if sent >= due {
            thread::sleep(Duration::from_micros(100));
        }
        let batch = due.saturating_sub(sent).min(64);
        for _ in 0..batch {
            client.send(&[0; 100])?;
        }
        sent += batch;
    }
    receiver.join().expect("the receiver does not panic");
    Ok((link.counts(), time))
}
