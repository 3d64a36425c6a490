//! Descriptors: none is leaked, and running out of them ends nothing.
#![cfg(target_os = "linux")]

use std::{
    env,
    fs::{self, File},
    io::{self, Read},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chat_core::{
    transport::{BoxLink, Transport},
    wire::{self, Code, Event},
};
use futures::{FutureExt, SinkExt, StreamExt, channel::mpsc};

use crate::{listen, next_frame, run, tcp};

/// Runs the test `name` in a process of its own, where no other test opens files or is hurt by a limit. True in that
/// process.
fn in_own_process(name: &str) -> bool {
    if env::var_os(OWN_PROCESS).is_some() {
        return true;
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--test-threads=1", "--nocapture"])
        .env(OWN_PROCESS, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(status.success() && said.contains("1 passed"), "{name} in its own process: {said}");
            return false;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{name} hangs in its own process");
        }
        std::thread::sleep(Duration::from_millis(10)); // a child can only be asked
    }
}

/// Those that were inherited may be numbered higher than the limit, and then do not count towards it.
fn descriptors_below(limit: usize) -> usize {
    let number =
        |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap().parse::<usize>();
    fs::read_dir("/proc/self/fd").unwrap().map(number).filter(|it| it.as_ref().unwrap() < &limit).count()
}

async fn echo(dialled: &mut BoxLink, accepted: &mut BoxLink) {
    dialled.send(Bytes::from_static(b"{}")).await.unwrap();
    assert_eq!(next_frame(accepted).await, "{}");
    accepted.send(Bytes::from_static(b"[]")).await.unwrap();
    assert_eq!(next_frame(dialled).await, "[]");
}

// R8
#[test]
fn a_thousand_links_leave_no_descriptor_behind() {
    if !in_own_process("descriptors::a_thousand_links_leave_no_descriptor_behind") {
        return;
    }
    run(async {
        let mut listening = listen("tcp://127.0.0.1:0").await;
        let mut before = 0;
        for n in 0..1000 {
            let mut dialled = tcp().dial(&listening.address).await.unwrap();
            let mut accepted = listening.incoming.next().await.unwrap().link;
            echo(&mut dialled, &mut accepted).await;
            drop((dialled, accepted));
            if n == 0 {
                before = descriptors_below(usize::MAX); // with the reactor's own
            }
        }
        assert_eq!(descriptors_below(usize::MAX), before);
    });
}

// B9, R9
#[test]
fn running_out_of_descriptors_turns_peers_away_and_ends_nothing() {
    if !in_own_process("descriptors::running_out_of_descriptors_turns_peers_away_and_ends_nothing") {
        return;
    }
    run(async {
        let mut listening = listen("tcp://127.0.0.1:0").await;
        let server = listening.address.clone();
        let mut dialled = tcp().dial(&server).await.unwrap();
        let mut early = listening.incoming.next().await.unwrap().link;
        echo(&mut dialled, &mut early).await;
        let (mut accepted, mut links) = mpsc::channel(16);
        async_std::task::spawn(async move {
            while let Some(incoming) = listening.incoming.next().await {
                accepted.send(incoming.link).await.unwrap();
            }
        });

        let hard = rlimit::Resource::NOFILE.get_hard().unwrap();
        let free = LIMIT - (descriptors_below(LIMIT) - 1); // the count needs one itself
        rlimit::Resource::NOFILE.set(LIMIT as u64, hard).unwrap();
        let mut fillers: Vec<File> =
            (0..free).map(|_| once_there_is_one(|| File::open("/dev/null"))).collect();
        assert!(fillers.len() > 10);

        // Each peer takes the one descriptor that is free, so there is none left to accept it with.
        for _ in 0..10 {
            fillers.pop();
            assert_refused(once_there_is_one(|| TcpStream::connect(server.rest())));
            fillers.push(once_there_is_one(|| File::open("/dev/null")));
            assert!(links.next().now_or_never().is_none(), "a link without a descriptor");
        }
        echo(&mut dialled, &mut early).await;

        let recovering = Instant::now();
        fillers.clear();
        let mut late = tcp().dial(&server).await.unwrap();
        let mut accepted = links.next().await.unwrap();
        echo(&mut late, &mut accepted).await;
        assert!(recovering.elapsed() < Duration::from_secs(3), "{:?}", recovering.elapsed());
    });
}

/// The accept loop may hold the free descriptor for the moment it takes to see that nobody waits.
fn once_there_is_one<T>(open: impl Fn() -> io::Result<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match open() {
            Ok(opened) => return opened,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

fn assert_refused(mut socket: TcpStream) {
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    assert_eq!(heard[..4], u32::try_from(heard.len() - 4).unwrap().to_be_bytes());
    assert!(heard[4..].starts_with(br#"{"type":"error","code":"full","message":""#));
    match wire::read_event(&heard[4..]).unwrap() {
        Event::Error(error) => {
            assert_eq!((error.id, error.code, error.retry_after_ms), (None, Code::Full, Some(1000)));
        }
        other => panic!("{other:?}"),
    }
}

/// More than the test needs for itself.
const LIMIT: usize = 64;

const OWN_PROCESS: &str = "CHAT_TCP_TEST_IN_OWN_PROCESS";
