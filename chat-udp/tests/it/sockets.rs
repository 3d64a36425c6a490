//! Real sockets on this machine's own addresses.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::{
    Runtime, SharedRuntime,
    transport::{Incoming, Listening, Promises, Transport},
};
use chat_udp::Udp;
use futures::{FutureExt, SinkExt, StreamExt, future::BoxFuture};

use crate::{HELLO, WELCOME, address, hear, meet, ping, say, talk};

/// The smallest runtime there is.
struct AsyncStd;

impl Runtime for AsyncStd {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        async_std::task::spawn(task);
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        async_std::task::sleep(deadline.saturating_duration_since(Instant::now())).boxed()
    }

    fn random(&self) -> u128 {
        let half = || u128::from(RandomState::new().hash_one(0));
        half() << 64 | half()
    }
}

pub fn runtime() -> SharedRuntime {
    Arc::new(AsyncStd)
}

fn udp() -> Udp {
    Udp::new(runtime())
}

/// Runs a test, which has 20 s.
fn run<T>(test: impl Future<Output = T>) -> T {
    let test = async_std::future::timeout(Duration::from_secs(20), test);
    async_std::task::block_on(test).expect("the test hangs")
}

async fn listen(text: &str) -> (Listening, u16) {
    let listening = udp().listen(&address(text)).await.unwrap();
    let port = listening.address.rest().rsplit_once(':').unwrap().1.parse().unwrap();
    (listening, port)
}

/// A plain socket, which can say what it wants.
struct Plain(UdpSocket);

impl Plain {
    fn at(address: &str) -> Plain {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Plain(socket)
    }

    fn say(&self, to: &str, text: &str) {
        self.0.send_to(text.as_bytes(), to).unwrap();
    }

    fn hear(&self) -> (String, SocketAddr) {
        let mut buffer = vec![0; 65_536];
        let (len, from) = self.0.recv_from(&mut buffer).expect("somebody answers");
        (String::from_utf8(buffer[..len].to_vec()).unwrap(), from)
    }

    /// Says hello with the cookie that it is given.
    fn enter(&self, to: &str) -> SocketAddr {
        self.say(to, HELLO);
        let (challenge, from) = self.hear();
        let cookie = challenge.strip_prefix(r#"{"type":"challenge","cookie":""#).unwrap();
        self.say(to, &format!(r#"{},"cookie":"{cookie}"#, HELLO.strip_suffix('}').unwrap()));
        from
    }
}

/// Somebody with a plain socket, and the server's end of the link.
async fn enter(listening: &mut Listening, server: &str) -> (Plain, Incoming) {
    let ana = Plain::at("127.0.0.1:0");
    ana.enter(server);
    let mut far = accept(listening).await;
    say(&mut far.link, WELCOME).await;
    assert!(ana.hear().0.starts_with(WELCOME.strip_suffix('}').unwrap()));
    (ana, far)
}

async fn accept(listening: &mut Listening) -> Incoming {
    let mut far = listening.incoming.next().await.unwrap();
    assert_eq!(hear(&mut far.link).await, HELLO);
    far
}

/// protocol 15.8
#[test]
fn it_promises_neither_order_nor_delivery() {
    assert_eq!(udp().promises(), Promises { ordered: false, reliable: false, max_frame: 65_480 });
}

#[test]
fn ipv4_ipv6_and_names_lead_to_the_listener() {
    run(async {
        for (listened, dialled, host) in [
            ("udp://127.0.0.1:0", "udp://127.0.0.1", "127.0.0.1"),
            ("udp://127.0.0.1:0", "udp://localhost", "127.0.0.1"),
            ("udp://0.0.0.0:0", "udp://127.0.0.1", "127.0.0.1"),
            ("udp://[::1]:0", "udp://[::1]", "::1"),
            ("udp://[::]:0", "udp://[::1]", "::1"),
            ("udp://[::]:0", "udp://127.0.0.1", "127.0.0.1"),
            ("UDP://127.0.0.1:0", "udp://127.0.0.1", "127.0.0.1"),
        ] {
            let (mut listening, port) = listen(listened).await;
            let dialled = address(&format!("{dialled}:{port}"));
            let (mut near, mut far) = meet(&udp(), &mut listening, &dialled).await;
            talk(&mut near, &mut far.link, 1).await;
            assert_eq!((far.peer.host.as_str(), far.peer.local), (host, true), "{listened} from {dialled}");
            let named: SocketAddr = far.peer.address.parse().unwrap();
            assert_eq!(named.ip().to_string(), host);
        }
    });
}

/// protocol 15.21
#[test]
fn without_header_a_frame_is_a_datagram_and_a_datagram_a_frame() {
    run(async {
        let (mut listening, port) = listen("udp://127.0.0.1:0").await;
        let server = format!("127.0.0.1:{port}");
        let ana = Plain::at("127.0.0.1:0");
        ana.enter(&server);
        let mut far = accept(&mut listening).await;
        say(&mut far.link, WELCOME).await;
        let (welcome, _) = ana.hear();
        let link = welcome.strip_prefix(WELCOME.strip_suffix('}').unwrap()).unwrap();
        for (said, heard) in [
            (format!(r#"{{"type":"ping","id":1{link}"#), r#"{"type":"ping","id":1}"#.to_owned()),
            // As others write JSON; the field stays, since a reader skips what it does not know.
            (format!(r#"{{"type": "ping", {} }}"#, &link[1..link.len() - 1]), String::new()),
        ] {
            ana.say(&server, &said);
            let frame = hear(&mut far.link).await;
            assert_eq!(frame, if heard.is_empty() { said } else { heard });
        }
        say(&mut far.link, r#"{"type":"pong","id":1}"#).await;
        assert_eq!(ana.hear().0, r#"{"type":"pong","id":1}"#);
    });
}

/// protocol 15.14
#[test]
#[cfg(target_os = "linux")] // where 127.0.0.2 is this machine too
fn answers_leave_from_the_address_that_was_asked() {
    run(async {
        for listened in ["udp://0.0.0.0:0", "udp://[::]:0"] {
            let (mut listening, port) = listen(listened).await;
            for host in ["127.0.0.2", "127.0.0.3", "127.0.0.1"] {
                let server: SocketAddr = format!("{host}:{port}").parse().unwrap();
                let ana = Plain::at("127.0.0.1:0");
                assert_eq!(ana.enter(&server.to_string()), server, "the challenge");
                let mut far = accept(&mut listening).await;
                say(&mut far.link, WELCOME).await;
                assert_eq!(ana.hear().1, server, "the welcome");
            }
            let dialled = address(&format!("udp://127.0.0.2:{port}"));
            let (mut near, mut far) = meet(&udp(), &mut listening, &dialled).await;
            talk(&mut near, &mut far.link, 1).await; // a link takes nothing from elsewhere
            let ana = Plain::at("127.0.0.1:0");
            ana.say(
                &format!("127.0.0.2:{port}"),
                r#"{"type":"ping","id":1,"link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
            );
            let (gone, from) = ana.hear();
            assert_eq!(gone, r#"{"type":"gone","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#);
            assert_eq!(from.ip().to_string(), "127.0.0.2");
        }
    });
}

/// protocol 15.14
#[test]
#[cfg(target_os = "linux")] // where 127.0.0.2 is this machine too
fn frames_that_are_flushed_together_leave_in_order_from_the_address_that_was_asked() {
    run(async {
        for listened in ["udp://0.0.0.0:0", "udp://[::]:0"] {
            let (mut listening, port) = listen(listened).await;
            for host in ["127.0.0.2", "127.0.0.1"] {
                let (ana, mut far) = enter(&mut listening, &format!("{host}:{port}")).await;
                for id in 0..100 {
                    far.link.feed(ping(id).into()).await.unwrap();
                }
                far.link.flush().await.unwrap();
                for id in 0..100 {
                    assert_eq!(
                        ana.hear(),
                        (ping(id), format!("{host}:{port}").parse().unwrap()),
                        "{listened}"
                    );
                }
            }
        }
    });
}

/// protocol 15.14
#[test]
fn a_peer_whose_port_is_closed_disturbs_nobody() {
    run(async {
        let (mut listening, port) = listen("udp://127.0.0.1:0").await;
        let server = address(&format!("udp://127.0.0.1:{port}"));
        let (near, mut lost) = meet(&udp(), &mut listening, &server).await;
        let (mut other, mut far) = meet(&udp(), &mut listening, &server).await;
        drop(near);
        for id in 0..100 {
            say(&mut lost.link, r#"{"type":"pong","id":1}"#).await;
            talk(&mut other, &mut far.link, id).await;
        }
        let again = meet(&udp(), &mut listening, &server).await;
        drop(again);
    });
}

#[test]
fn a_taken_port_is_said_so_and_free_again_afterwards() {
    run(async {
        let (mut listening, port) = listen("udp://127.0.0.1:0").await;
        let here = listening.address.clone();
        let taken = udp().listen(&here).await.unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(taken.to_string(), format!("127.0.0.1:{port} is in use by another program"));
        let (_near, far) = meet(&udp(), &mut listening, &here).await;
        drop(listening);
        assert!(udp().listen(&here).await.is_err(), "a link is still there");
        drop(far);
        while udp().listen(&here).await.is_err() {
            async_std::task::yield_now().await; // the task ends when it gets its turn; the test has a deadline
        }
    });
}

#[test]
fn addresses_that_cannot_be_are_named() {
    run(async {
        let error = udp().listen(&address("udp://192.0.2.1:0")).await.unwrap_err();
        assert_eq!(error.to_string(), "192.0.2.1:0 is not an address of this machine");
        for text in ["udp://::1:7000", "udp://host:http"] {
            let error = udp().listen(&address(text)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("udp://192.168.1.7:7000"), "{error}");
        }
        let Err(error) = udp().dial(&address("udp://nobody.invalid:7000")).await else {
            panic!("nobody was found")
        };
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("no such host: nobody.invalid ("), "{error}");
    });
}
