//! A machine between a client and a server, with an encrypted link to each of them, at the password: what it tries at each
//! step, and that both ends notice (protocol 19.15, 20). Client and server are the real ones.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use chat_core::{
    ClientId, SharedRuntime,
    client::{self, Config as ClientConfig, Password, Update},
    log::MemoryLog,
    memory::Memory,
    pake::{self, Initiator, PASSWORD, Responder},
    server::{Config, Server},
    transport::{Binding, BoxLink, Dialled, Incoming, Transport, Transports},
    wire::{Code, Error, Event, Hello, Prove, Request, RequestBody, read_event, read_request, write},
};
use chat_secure::{Secured, StaticKey};
use chat_testkit::{virtual_time::VirtualTime, within};
use futures::{SinkExt, StreamExt};

/// The machine in between, with the first link of the client and a link to the server.
struct Middle {
    runtime: SharedRuntime,
    client: BoxLink,
    of_client: Binding,
    server: BoxLink,
    of_server: Binding,
    /// What the machine could read.
    seen: Vec<Bytes>,
}

impl Middle {
    /// The next frame of one of the ends; nothing once that end has closed its link.
    async fn read(link: &mut BoxLink, runtime: &SharedRuntime, seen: &mut Vec<Bytes>) -> Option<Bytes> {
        let frame =
            within(runtime, Duration::from_secs(20), link.next()).await.expect("an end does something");
        let frame = frame?.ok()?;
        seen.push(frame.clone());
        Some(frame)
    }

    async fn hello(&mut self) -> Option<Hello<'static>> {
        let frame = Middle::read(&mut self.client, &self.runtime, &mut self.seen).await?;
        match read_request(&frame).unwrap().into_owned().body {
            RequestBody::Hello(hello) => Some(hello),
            other => panic!("{other:?}"),
        }
    }

    async fn event(&mut self) -> Option<Event> {
        let frame = Middle::read(&mut self.server, &self.runtime, &mut self.seen).await?;
        Some(read_event(&frame).unwrap())
    }

    async fn prove(&mut self) -> Prove {
        match self.event().await {
            Some(Event::Prove(prove)) => prove,
            other => panic!("{other:?}"),
        }
    }

    async fn tell_client(&mut self, event: &Event) {
        let _ = self.client.send(write(event)).await; // an end that has left says so by what comes next
    }

    async fn tell_server(&mut self, hello: Hello<'static>) {
        let _ = self.server.send(write(&Request::unnumbered(hello))).await;
    }

    /// The server's refusal of what it was sent, after which it closes the link.
    async fn server_refuses(&mut self) -> Code {
        let code = match self.event().await {
            Some(Event::Error(Error { code, retry_after_ms: None, .. })) => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(self.event().await, None, "the server closes the link");
        code
    }

    /// A share that answers the client's, made with `password`.
    fn answer(&self, hello: &Hello<'_>, password: &str) -> (Responder, Prove) {
        let share = pake::from_text(hello.pake.as_deref().unwrap()).unwrap();
        let random = pake::random(&*self.runtime);
        let responder =
            Responder::new(password.as_bytes(), PASSWORD, &self.of_client, random, &share).unwrap();
        let (pake, tag) = (pake::to_text(&responder.share()), pake::to_text(&responder.tag()));
        (responder, Prove { id: None, pake, tag })
    }

    /// A share for the server, made with `password`.
    fn begin(&self, password: &str) -> Initiator {
        let random = pake::random(&*self.runtime);
        Initiator::new(password.as_bytes(), PASSWORD, &self.of_server, random)
    }
}

/// Whether the client was let in or ended, and what the machine in between could read.
struct Outcome {
    client: Option<Update>,
    sessions: usize,
    seen: Vec<Bytes>,
}

impl Outcome {
    /// Both ends have noticed: the client has ended for good, the server let nobody in, and nobody could read the password.
    fn is_caught(&self, words: &str) {
        match &self.client {
            Some(Update::Refused(error)) => assert!(error.message.contains(words), "{error:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(self.sessions, 0);
        for frame in &self.seen {
            assert!(!String::from_utf8_lossy(frame).contains(SECRET), "{frame:?} has the password");
        }
    }
}

/// Lets a client that knows the password dial the machine in between, which does what `script` says.
fn between<F: Future<Output = Middle>>(seed: u64, script: impl FnOnce(Middle) -> F) -> Outcome {
    let time = VirtualTime::new(seed);
    let (runtime, memory) = (time.shared(), Memory::default());
    let secured = || Secured::new(memory.clone(), StaticKey::generate(&*runtime), runtime.clone());
    time.run(async {
        let config = Config { password: Some(SECRET.to_owned()), ..Config::default() };
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(config, log, runtime.clone()).await.unwrap();
        let transports = Transports::new().with("memory", secured());
        let hall = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        let middle = secured();
        let mut listening = middle.listen(&"memory://door".parse().unwrap()).await.unwrap();
        let config = ClientConfig {
            name: "ana".to_owned(),
            client: ClientId(7),
            password: Some(Password::new(SECRET)),
            seed: 1,
            raw: false,
        };
        let transport: Arc<dyn Transport> = Arc::new(secured());
        let (remote, mut updates) =
            client::start(config, transport, listening.address.clone(), runtime.clone());
        let Incoming { link: client, peer } = listening.incoming.next().await.unwrap();
        let Dialled { link: server_link, binding, .. } = middle.connect(&hall).await.unwrap();
        let middle = Middle {
            runtime: runtime.clone(),
            client,
            of_client: peer.binding.unwrap(),
            server: server_link,
            of_server: binding.unwrap(),
            seen: Vec::new(),
        };
        assert_ne!(middle.of_client, middle.of_server);
        let middle = script(middle).await;
        let ended = async {
            loop {
                match updates.next().await {
                    Some(Update::Disconnected { .. }) => {}
                    update => return update,
                }
            }
        };
        let client = within(&runtime, Duration::from_secs(20), ended).await.expect("the client ends");
        let outcome = Outcome { client, sessions: server.sessions(), seen: middle.seen };
        if matches!(outcome.client, Some(Update::Refused(_))) {
            assert_eq!(updates.next().await, None, "the client does not dial again");
        }
        drop(remote);
        outcome
    })
}

/// protocol 20.2.2: the server's proof is bound to its own link.
#[test]
fn frames_that_are_passed_on_unchanged_prove_nothing_to_the_client() {
    let outcome = between(400, async |mut middle| {
        let hello = middle.hello().await.unwrap();
        middle.tell_server(hello).await;
        let prove = middle.prove().await;
        middle.tell_client(&Event::Prove(prove)).await;
        assert_eq!(middle.hello().await, None, "the client sends no tag");
        middle
    });
    outcome.is_caught("does not know this password");
}

/// protocol 20.3: what the client would have sent is of no use at the server either.
#[test]
fn a_share_that_is_passed_on_gets_nobody_in_without_its_tag() {
    let outcome = between(401, async |mut middle| {
        let hello = middle.hello().await.unwrap();
        middle.tell_server(hello.clone()).await;
        let prove = middle.prove().await;
        let guess = Hello { tag: Some(prove.tag.clone().into()), ..hello };
        middle.tell_server(guess).await;
        assert_eq!(middle.server_refuses().await, Code::BadPassword);
        middle.tell_client(&Event::Prove(prove)).await;
        assert_eq!(middle.hello().await, None);
        middle
    });
    outcome.is_caught("does not know this password");
}

/// protocol 20.2.2: one guess at the client, with which the client ends.
#[test]
fn a_proof_made_with_a_guess_is_refused_by_the_client() {
    let outcome = between(402, async |mut middle| {
        let hello = middle.hello().await.unwrap();
        let (_, prove) = middle.answer(&hello, "a guess");
        middle.tell_client(&Event::Prove(prove)).await;
        assert_eq!(middle.hello().await, None);
        middle
    });
    outcome.is_caught("does not know this password");
}

/// protocol 20.3: one guess at the server.
#[test]
fn a_share_made_with_a_guess_is_refused_by_the_server() {
    let outcome = between(403, async |mut middle| {
        let hello = middle.hello().await.unwrap();
        let guess = middle.begin("a guess");
        let pake = Some(pake::to_text(&guess.share()).into());
        middle.tell_server(Hello { pake: pake.clone(), ..hello.clone() }).await;
        let prove = middle.prove().await;
        let (share, tag) = (pake::from_text(&prove.pake).unwrap(), pake::from_text(&prove.tag).unwrap());
        assert_eq!(guess.finish(&share, &tag), None, "the guess is wrong");
        middle.tell_server(Hello { pake, tag: Some(pake::to_text(&[1; 64]).into()), ..hello }).await;
        assert_eq!(middle.server_refuses().await, Code::BadPassword);
        middle.tell_client(&Event::Prove(prove)).await;
        assert_eq!(middle.hello().await, None);
        middle
    });
    outcome.is_caught("does not know this password");
}

/// protocol 20.2.2: the share or the tag of the server's own answer, changed.
#[test]
fn a_proof_with_a_part_replaced_or_left_out_is_refused() {
    let changes: [fn(&Hello<'_>, &mut Prove); 4] = [
        |hello, prove| prove.pake = hello.pake.clone().unwrap().into_owned(),
        |_, prove| prove.tag = pake::to_text(&[2; 64]),
        |_, prove| prove.tag.clear(),
        |_, prove| prove.pake = pake::to_text(&[0; 32]),
    ];
    for (nth, change) in changes.into_iter().enumerate() {
        let outcome = between(410 + nth as u64, async |mut middle| {
            let hello = middle.hello().await.unwrap();
            middle.tell_server(hello.clone()).await;
            let mut prove = middle.prove().await;
            change(&hello, &mut prove);
            middle.tell_client(&Event::Prove(prove)).await;
            assert_eq!(middle.hello().await, None);
            middle
        });
        outcome.is_caught("does not know this password");
    }
}

/// protocol 20.6
#[test]
fn a_welcome_instead_of_a_proof_is_refused_by_the_client() {
    let outcome = between(404, async |mut middle| {
        middle.hello().await.unwrap();
        let welcome = r#"{"type":"welcome","protocol":1,"name":"ana","server":"hall","resume":"s","resumed":false,
            "limits":{"frame":65443,"text":8192,"rooms":64,"pending":64}}"#;
        middle.tell_client(&read_event(welcome.as_bytes()).unwrap()).await;
        assert_eq!(middle.hello().await, None);
        middle
    });
    outcome.is_caught("asks for no password");
}

/// protocol 20.5: a client is not talked into saying the password.
#[test]
fn a_client_that_is_told_to_send_the_password_itself_ends() {
    for (nth, code) in [Code::BadPassword, Code::Unsupported].into_iter().enumerate() {
        let outcome = between(420 + nth as u64, async |mut middle| {
            middle.hello().await.unwrap();
            middle.tell_client(&Event::Error(Error::of(None, code, "send the password itself"))).await;
            assert_eq!(middle.hello().await, None);
            middle
        });
        outcome.is_caught("send the password itself");
    }
}

/// protocol 20.3: a hello without the share, or without the tag, opens nothing.
#[test]
fn a_hello_whose_share_was_taken_out_is_refused_by_the_server() {
    let outcome = between(405, async |mut middle| {
        let hello = middle.hello().await.unwrap();
        middle.tell_server(Hello { pake: None, ..hello }).await;
        let error = middle.event().await.unwrap();
        assert!(matches!(&error, Event::Error(error) if error.code == Code::BadPassword), "{error:?}");
        middle.tell_client(&error).await;
        assert_eq!(middle.hello().await, None);
        middle
    });
    outcome.is_caught("password");
}

/// A machine in between that knows the password is let in by both: so the tests here can fail.
#[test]
fn a_machine_that_knows_the_password_passes() {
    let outcome = between(406, async |mut middle| {
        let hello = middle.hello().await.unwrap();
        let (responder, prove) = middle.answer(&hello, SECRET);
        middle.tell_client(&Event::Prove(prove)).await;
        let tagged = middle.hello().await.unwrap();
        assert!(responder.verify(&pake::from_text(tagged.tag.as_deref().unwrap()).unwrap()));
        let own = middle.begin(SECRET);
        let pake = Some(pake::to_text(&own.share()).into());
        middle.tell_server(Hello { pake: pake.clone(), ..hello.clone() }).await;
        let prove = middle.prove().await;
        let (share, tag) = (pake::from_text(&prove.pake).unwrap(), pake::from_text(&prove.tag).unwrap());
        let tag = own.finish(&share, &tag).expect("the password is known");
        middle.tell_server(Hello { pake, tag: Some(pake::to_text(&tag).into()), ..hello }).await;
        let welcome = middle.event().await.unwrap();
        middle.tell_client(&welcome).await;
        middle
    });
    assert!(matches!(outcome.client, Some(Update::Connected(_))), "{:?}", outcome.client);
    assert_eq!(outcome.sessions, 1);
}

const SECRET: &str = "open-sesame";
