//! Clients that come back by a ticket.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use chat_core::transport::Dialled;
use chat_secure::TicketKeys;

use super::*;

/// A transport that notes the first frame that each end sends over each link.
#[derive(Clone)]
struct Watched {
    inner: Arc<dyn Transport>,
    firsts: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn new(inner: impl Transport) -> Watched {
        Watched { inner: Arc::new(inner), firsts: Arc::default() }
    }

    /// How the handshakes since the last call began.
    fn kinds(&self) -> Vec<&'static str> {
        let firsts = std::mem::take(&mut *self.firsts.lock().unwrap());
        firsts.iter().map(|first| if first.contains("NNpsk0") { "ticket" } else { "full" }).collect()
    }
}

impl Transport for Watched {
    fn promises(&self) -> Promises {
        self.inner.promises()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.inner.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            let (sink, stream) = self.inner.dial(address).await?.split();
            let firsts = self.firsts.clone();
            let mut last = None;
            let sink = sink.with(move |frame: Bytes| {
                let text = String::from_utf8_lossy(&frame).into_owned();
                if text.contains("\"suite\"") && last.as_ref() != Some(&frame) {
                    firsts.lock().unwrap().push(text);
                    last = Some(frame.clone());
                }
                futures::future::ok::<_, io::Error>(frame)
            });
            Ok(Box::pin(Joined { stream, sink: Box::pin(sink) }) as BoxLink)
        }
        .boxed()
    }
}

/// A stream and a sink as one link.
struct Joined<R, S> {
    stream: R,
    sink: std::pin::Pin<Box<S>>,
}

impl<R: futures::Stream<Item = io::Result<Bytes>> + Unpin, S> futures::Stream for Joined<R, S> {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<Bytes>>> {
        self.stream.poll_next_unpin(cx)
    }
}

impl<R: Unpin, S: futures::Sink<Bytes, Error = io::Error>> futures::Sink<Bytes> for Joined<R, S> {
    type Error = io::Error;

    fn poll_ready(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.sink.as_mut().poll_ready(cx)
    }

    fn start_send(mut self: std::pin::Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        self.sink.as_mut().start_send(frame)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.sink.as_mut().poll_flush(cx)
    }

    fn poll_close(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.sink.as_mut().poll_close(cx)
    }
}

/// A link over which both ends have spoken, so that the client has the ticket.
async fn greet(client: &impl Transport, listening: &mut Listening) -> (Dialled, Incoming) {
    let mut near = client.connect(&hall()).await.unwrap();
    say(&mut near.link, HELLO).await;
    let mut far = listening.incoming.next().await.unwrap();
    assert_eq!(hear(&mut far.link).await, HELLO);
    say(&mut far.link, "{}").await;
    assert_eq!(hear(&mut near.link).await, "{}");
    (near, far)
}

/// protocol 19.18.2, protocol 19.20
#[test]
fn a_client_comes_back_by_its_ticket_with_the_same_keys_on_both_sides() {
    let street = Street::new(1);
    let network = Watched::new(street.memory.clone());
    let checks = Arc::new(AtomicUsize::new(0));
    let (server, counted) = (street.server.id(), checks.clone());
    let client =
        Secured::new(network.clone(), street.client.clone(), street.runtime()).with_check(move |_, key| {
            assert_eq!(key, server);
            counted.fetch_add(1, Relaxed);
            Ok(())
        });
    street.run(async {
        let mut listening = listen(&street.server()).await;
        let mut bindings = Vec::new();
        for _ in 0..4 {
            let (near, far) = greet(&client, &mut listening).await;
            assert_eq!(near.server, Some(street.server.id()));
            assert_eq!(far.peer.identity, Some(street.client.id()));
            assert!(near.binding.is_some() && near.binding == far.peer.binding);
            bindings.push(near.binding);
        }
        bindings.sort_unstable();
        bindings.dedup();
        assert_eq!(
            (bindings.len(), checks.load(Relaxed)),
            (4, 4),
            "no two links are alike, and each is checked"
        );
    });
    assert_eq!(network.kinds(), ["full", "ticket", "ticket", "ticket"]);
}

/// protocol 19.18.3
#[test]
fn a_server_that_cannot_open_the_ticket_does_the_handshake_in_full_on_the_same_link() {
    let street = Street::new(2);
    let network = Watched::new(street.memory.clone());
    let client = Secured::new(network.clone(), street.client.clone(), street.runtime());
    street.run(async {
        let mut listening = listen(&street.server()).await;
        greet(&client, &mut listening).await;
        drop(listening);
        let mut listening = listen(&street.server().accepting_plain()).await;
        let (_near, far) = greet(&client, &mut listening).await;
        assert_eq!(far.peer.identity, Some(street.client.id()));
        greet(&client, &mut listening).await;
    });
    assert_eq!(network.kinds(), ["full", "ticket", "full", "ticket"]);
}

/// protocol 19.18.3
#[test]
fn after_a_ticket_that_cannot_be_opened_a_link_is_never_plain() {
    let street = Street::new(3);
    street.run(async {
        let _listening = listen(&street.server().accepting_plain()).await;
        let mut link = street.memory.dial(&hall()).await.unwrap();
        let (ticket, noise) = ("A".repeat(134), "A".repeat(64));
        let suite = "Noise_NNpsk0_25519_AESGCM_SHA256";
        let first = format!(
            r#"{{"type":"secure","protocol":1,"suite":"{suite}","ticket":"{ticket}","noise":"{noise}"}}"#
        );
        say(&mut link, &first).await;
        assert_eq!(hear(&mut link).await, r#"{"type":"secure"}"#);
        say(&mut link, HELLO).await;
        let told = hear(&mut link).await;
        assert!(told.contains("bad_frame"), "{told}");
        assert!(link.next().await.is_none());
    });
}

/// protocol 19.19
#[test]
fn tickets_of_keys_in_a_file_are_good_after_a_restart() {
    let street = Street::new(4);
    let folder = tempfile::tempdir().unwrap();
    let server = || {
        let keys = TicketKeys::in_file(&folder.path().join("tickets.key"), street.runtime()).unwrap();
        street.server().with_ticket_keys(keys)
    };
    let network = Watched::new(street.memory.clone());
    let client = Secured::new(network.clone(), street.client.clone(), street.runtime());
    street.run(async {
        let mut listening = listen(&server()).await;
        greet(&client, &mut listening).await;
        drop(listening);
        let mut listening = listen(&server()).await;
        greet(&client, &mut listening).await;
    });
    assert_eq!(network.kinds(), ["full", "ticket"]);
}

/// The server at the address is another one, with the ticket keys of the first: it is checked as such. (protocol 19.18.1)
#[test]
fn a_ticket_does_not_prove_another_server() {
    let street = Street::new(5);
    let keys = TicketKeys::in_memory(street.runtime());
    let expected = street.server.id();
    let client = street
        .client()
        .with_check(move |_, key| if key == expected { Ok(()) } else { Err("another key".to_owned()) });
    street.run(async {
        let mut listening = listen(&street.server().with_ticket_keys(keys.clone())).await;
        greet(&client, &mut listening).await;
        drop(listening);
        let other = StaticKey::generate(&*street.runtime());
        let other = Secured::new(street.memory.clone(), other, street.runtime()).with_ticket_keys(keys);
        let _listening = listen(&other).await;
        let error = client.dial(&hall()).await.map(drop).unwrap_err();
        assert_eq!(error.to_string(), format!("{HALL}: another key"));
    });
}

/// protocol 19.20.1
#[test]
fn a_first_frame_that_is_sent_again_opens_no_link() {
    let street = Street::new(6);
    let network = Watched::new(street.memory.clone());
    let client = Secured::new(network.clone(), street.client.clone(), street.runtime());
    street.run(async {
        let mut listening = listen(&street.server()).await;
        greet(&client, &mut listening).await;
        greet(&client, &mut listening).await;
        let first = network.firsts.lock().unwrap()[1].clone();
        let mut link = street.memory.dial(&hall()).await.unwrap();
        say(&mut link, &first).await;
        assert!(hear(&mut link).await.contains("noise"), "the server does not know yet");
        street.time.settle().await;
        assert!(listening.incoming.next().now_or_never().is_none(), "there is no link");
        let told = hear(&mut link).await;
        assert!(told.contains("no handshake within 5s"), "{told}");
    });
}

/// protocol 19.11, protocol 19.20
#[test]
fn a_client_comes_back_where_much_is_lost() {
    let mut by_ticket = 0;
    for seed in 0..20 {
        let street = Street::new(seed);
        let weather = Weather { loss: 30, duplicate: 20, reorder: 20, hold: 4, ..Weather::default() };
        let bad =
            |seed| WeatherTransport::new(Arc::new(street.memory.clone()), weather, seed, street.runtime());
        let network = Watched::new(bad(seed));
        let server = Secured::new(bad(0), street.server.clone(), street.runtime());
        let client = Secured::new(network.clone(), street.client.clone(), street.runtime());
        street.run(async {
            let mut listening = listen(&server).await;
            let echo = async {
                while let Some(mut far) = listening.incoming.next().await {
                    assert_eq!(far.peer.identity, Some(street.client.id()), "seed {seed}");
                    let answering = async move {
                        while let Some(Ok(frame)) = far.link.next().await {
                            if far.link.send(frame).await.is_err() {
                                return;
                            }
                        }
                    };
                    street.runtime().spawn(answering.boxed());
                }
            };
            let coming_back = async {
                for _ in 0..5 {
                    let mut near = loop {
                        match client.dial(&hall()).await {
                            Ok(near) => break near,
                            Err(error) => {
                                assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}")
                            }
                        }
                    };
                    loop {
                        say(&mut near, HELLO).await;
                        street.time.pass(Duration::from_millis(100)).await;
                        if let Some(Some(answer)) = near.next().now_or_never() {
                            assert_eq!(answer.unwrap(), HELLO);
                            break;
                        }
                    }
                }
            };
            futures::future::select(coming_back.boxed_local(), echo.boxed_local()).await;
        });
        by_ticket += network.kinds().iter().filter(|kind| **kind == "ticket").count();
    }
    assert!(by_ticket > 40, "{by_ticket}");
}
