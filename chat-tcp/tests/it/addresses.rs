//! Addresses: hosts, ports, and what is said when they are no good.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chat_core::transport::{Peer, Transport};
use futures::{SinkExt, StreamExt, future};

use crate::{address, listen, next_frame, run, tcp, tcp_at};

async fn refused(text: &str) -> io::Error {
    match tcp().dial(&address(text)).await {
        Ok(_) => panic!("{text} was reached"),
        Err(error) => error,
    }
}

async fn port_of(text: &str) -> (chat_core::transport::Listening, u16) {
    let listening = listen(text).await;
    let port = listening.address.rest().rsplit_once(':').unwrap().1.parse().unwrap();
    (listening, port)
}

/// Whether the address `dialled` leads to a listener at `listened`, and as whom it sees us.
async fn meet(listened: &str, dialled: &str) -> Peer {
    let (mut listening, port) = port_of(listened).await;
    let mut link = tcp().dial(&address(&format!("{dialled}:{port}"))).await.unwrap();
    let mut accepted = listening.incoming.next().await.unwrap();
    link.send(Bytes::from_static(b"{}")).await.unwrap();
    assert_eq!(next_frame(&mut accepted.link).await, "{}");
    accepted.peer
}

#[test]
fn ipv4_ipv6_and_names_lead_to_the_listener() {
    run(async {
        for (listened, dialled, host) in [
            ("tcp://127.0.0.1:0", "tcp://127.0.0.1", "127.0.0.1"),
            ("tcp://127.0.0.1:0", "tcp://localhost", "127.0.0.1"),
            ("tcp://0.0.0.0:0", "tcp://127.0.0.1", "127.0.0.1"),
            ("tcp://[::1]:0", "tcp://[::1]", "::1"),
            ("tcp://[::]:0", "tcp://[::1]", "::1"),
            ("tcp://[::]:0", "tcp://127.0.0.1", "127.0.0.1"),
            ("TCP://127.0.0.1:0", "tcp://127.0.0.1", "127.0.0.1"),
        ] {
            let peer = meet(listened, dialled).await;
            assert_eq!((peer.host.as_str(), peer.local), (host, true), "{listened} from {dialled}");
            let named: SocketAddr = peer.address.parse().unwrap();
            assert_eq!(named.ip().to_string(), host);
        }
        let listening = listen("tcp://localhost:0").await;
        assert!(tcp().dial(&listening.address).await.is_ok());
    });
}

#[test]
fn the_bound_address_comes_back() {
    run(async {
        let (first, port) = port_of("tcp://127.0.0.1:0").await;
        assert_ne!(port, 0);
        assert_eq!(first.address.to_string(), format!("tcp://127.0.0.1:{port}"));
        assert!(listen("tcp://[::1]:0").await.address.to_string().starts_with("tcp://[::1]:"));
    });
}

#[test]
fn a_taken_port_is_said_so_and_free_again_after_a_restart() {
    run(async {
        let (mut listening, port) = port_of("tcp://127.0.0.1:0").await;
        let taken = tcp().listen(&listening.address).await.unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(taken.to_string(), format!("127.0.0.1:{port} is in use by another program"));

        // Closed by our side first, so that the connection stays in TIME_WAIT.
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut accepted = listening.incoming.next().await.unwrap();
        accepted.link.close().await.unwrap();
        drop((accepted, listening, client));
        listen(&format!("tcp://127.0.0.1:{port}")).await;
    });
}

#[test]
fn an_address_of_another_machine_cannot_be_listened_on() {
    run(async {
        let error = tcp().listen(&address("tcp://192.0.2.1:0")).await.unwrap_err();
        assert_eq!(error.to_string(), "192.0.2.1:0 is not an address of this machine");
        let error = tcp().listen(&address("tcp://::1:7000")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    run(async {
        let error = refused("tcp://nobody.invalid:7000").await;
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("no such host: nobody.invalid ("), "{error}");
        assert!(!error.to_string().contains("failed to lookup"), "{error}");
    });
}

#[test]
fn a_refused_connection_names_the_address_and_its_host() {
    run(async {
        let (listening, port) = port_of("tcp://127.0.0.1:0").await;
        drop(listening);
        let error = refused(&format!("tcp://127.0.0.1:{port}")).await;
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), format!("connection refused by 127.0.0.1:{port}"));
        let error = refused(&format!("tcp://localhost:{port}")).await;
        assert!(error.to_string().ends_with(&format!(":{port} (localhost)")), "{error}");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_that_is_silent_is_given_up() {
    // A full backlog: the kernel drops further connection requests without a word.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let silent = socket.local_addr().unwrap().as_socket().unwrap();
    run(async {
        let tcp = tcp_at(50);
        let target = address(&format!("tcp://{silent}"));
        let began = Instant::now();
        let dials = future::join_all((0..4).map(|_| tcp.dial(&target))).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let failed: Vec<io::Error> = dials.into_iter().filter_map(Result::err).collect();
        assert!(!failed.is_empty(), "the backlog was never full");
        for error in failed {
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert_eq!(error.to_string(), format!("no answer from {silent} within 10s"));
        }
    });
}

#[test]
fn dropping_a_listener_closes_it_and_leaves_its_links() {
    run(async {
        let mut listening = listen("tcp://127.0.0.1:0").await;
        let mut link = tcp().dial(&listening.address).await.unwrap();
        let mut accepted = listening.incoming.next().await.unwrap();
        let closed = listening.address.to_string();
        drop(listening);
        link.send(Bytes::from_static(b"{}")).await.unwrap();
        assert_eq!(next_frame(&mut accepted.link).await, "{}");
        assert_eq!(refused(&closed).await.kind(), io::ErrorKind::ConnectionRefused);
    });
}
