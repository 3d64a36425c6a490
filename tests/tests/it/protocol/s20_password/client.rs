//! The client's side: what it takes from a server, and what it refuses for good.

use std::time::{Duration, Instant};

use chat_core::{
    ClientId,
    client::{Client, Config, Password, Update},
    pake::{self, PASSWORD, Responder},
    transport::Promises,
    wire::{Code, Error, Event, Hello, MAX_FRAME, Prove, Request, RequestBody, read_request, write},
};

use super::super::binding;

const LOSSLESS: Promises = Promises { ordered: true, reliable: true, max_frame: MAX_FRAME };
const LOSSY: Promises = Promises { ordered: false, reliable: false, max_frame: MAX_FRAME };

/// A client that was told a password, and the time.
struct Rig {
    client: Client,
    now: Instant,
}

impl Rig {
    fn new(password: Option<Password>) -> Rig {
        let config = Config { name: "ana".to_owned(), client: ClientId(7), password, seed: 1, raw: false };
        Rig { client: Client::new(config), now: Instant::now() }
    }

    /// A client on an encrypted link.
    fn encrypted(password: &str, promises: Promises) -> Rig {
        let mut rig = Rig::new(Some(Password::new(password)));
        rig.client.encrypted_link_up(promises, &binding(1), [3; 64], rig.now);
        rig
    }

    /// The hello that the client sends now.
    fn hello(&mut self) -> Hello<'static> {
        let frame = self.client.poll_transmit(self.now).expect("the client says hello");
        match read_request(&frame).unwrap().into_owned() {
            Request { body: RequestBody::Hello(hello), .. } => hello,
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, event: &Event) -> Result<(), String> {
        self.client.on_frame(&write(event), self.now)
    }

    /// The update with which the client ends.
    fn refusal(&mut self) -> Error {
        let update = self.client.poll_update();
        assert!(self.client.is_over(), "the client does not dial again");
        assert_eq!(self.client.link_lost("closed", self.now), None);
        assert_eq!(self.client.poll_transmit(self.now), None, "and says nothing more");
        match update {
            Some(Update::Refused(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

/// A server that answers `hello` over the link with this binding.
fn answer(hello: &Hello<'_>, password: &str, number: u64) -> (Responder, Prove) {
    let share = pake::from_text(hello.pake.as_deref().unwrap()).unwrap();
    let responder = Responder::new(password.as_bytes(), PASSWORD, &binding(number), [5; 64], &share).unwrap();
    let (pake, tag) = (pake::to_text(&responder.share()), pake::to_text(&responder.tag()));
    (responder, Prove { id: None, pake, tag })
}

fn welcome() -> Event {
    let frame = r#"{"type":"welcome","protocol":1,"name":"ana","server":"hall","resume":"s","resumed":false,
        "limits":{"frame":65443,"text":8192,"rooms":64,"pending":64}}"#;
    chat_core::wire::read_event(frame.as_bytes()).unwrap()
}

/// protocol 20.2
#[test]
fn a_client_proves_the_password_after_the_server_has() {
    let mut rig = Rig::encrypted("sesame", LOSSLESS);
    let hello = rig.hello();
    assert_eq!((hello.password.as_deref(), hello.tag.as_deref()), (None, None));
    let (responder, prove) = answer(&hello, "sesame", 1);
    rig.hear(&Event::Prove(prove)).unwrap();
    let again = rig.hello();
    assert_eq!((&again.pake, &again.name, &again.client), (&hello.pake, &hello.name, &hello.client));
    assert!(responder.verify(&pake::from_text(again.tag.as_deref().unwrap()).unwrap()));
    rig.hear(&welcome()).unwrap();
    assert!(matches!(rig.client.poll_update(), Some(Update::Connected(_))));
}

/// protocol 20.2.2
#[test]
fn a_server_whose_tag_is_wrong_is_left_for_good() {
    for (password, number) in [("Sesame", 1), ("sesame", 2)] {
        let mut rig = Rig::encrypted("sesame", LOSSLESS);
        let (_, prove) = answer(&rig.hello(), password, number);
        assert!(rig.hear(&Event::Prove(prove)).is_err());
        let error = rig.refusal();
        assert_eq!(error.code, Code::BadPassword);
        assert!(error.message.contains("does not know this password"), "{error:?}");
    }
    // A tag that was cut, one that is changed, shares that are none, and the client's own share.
    let changes: [fn(&Hello<'_>, &mut Prove); 5] = [
        |_, prove| prove.tag.truncate(84),
        |_, prove| prove.tag = pake::to_text(&[0; 64]),
        |_, prove| prove.pake = pake::to_text(&[0; 32]),
        |_, prove| prove.pake.push('?'),
        |hello, prove| prove.pake = hello.pake.clone().unwrap().into_owned(),
    ];
    for change in changes {
        let mut rig = Rig::encrypted("sesame", LOSSLESS);
        let hello = rig.hello();
        let (_, mut prove) = answer(&hello, "sesame", 1);
        change(&hello, &mut prove);
        assert!(rig.hear(&Event::Prove(prove)).is_err());
        assert_eq!(rig.refusal().code, Code::BadPassword);
    }
}

/// protocol 20.6
#[test]
fn a_server_that_proves_nothing_lets_no_client_in_that_has_a_password() {
    for promises in [LOSSLESS, LOSSY] {
        let mut rig = Rig::encrypted("sesame", promises);
        rig.hello();
        assert!(rig.hear(&welcome()).is_err());
        let error = rig.refusal();
        assert_eq!(error.code, Code::BadPassword);
        assert!(error.message.contains("asks for no password"), "{error:?}");
    }
}

/// protocol 20.2.1: over a link that may lose them both hellos are sent until they are answered.
#[test]
fn hellos_are_repeated_and_late_answers_change_nothing() {
    let mut rig = Rig::encrypted("sesame", LOSSY);
    let hello = rig.hello();
    let pass = |rig: &mut Rig| {
        rig.now += Duration::from_secs(3);
        rig.client.on_timeout(rig.now).unwrap();
    };
    pass(&mut rig);
    assert_eq!(rig.hello(), hello);
    let (_, prove) = answer(&hello, "sesame", 1);
    rig.hear(&Event::Prove(prove.clone())).unwrap();
    let again = rig.hello();
    rig.hear(&Event::Prove(prove)).unwrap();
    assert_eq!(rig.client.poll_transmit(rig.now), None, "an answer that comes twice is answered once");
    pass(&mut rig);
    assert_eq!(rig.hello(), again);
    rig.hear(&welcome()).unwrap();
    assert!(matches!(rig.client.poll_update(), Some(Update::Connected(_))));
}

/// protocol 20.2: each link has its own share.
#[test]
fn the_next_link_has_another_share() {
    let mut rig = Rig::encrypted("sesame", LOSSLESS);
    let first = rig.hello();
    rig.client.link_lost("lost", rig.now).expect("the client dials again");
    rig.client.encrypted_link_up(LOSSLESS, &binding(2), [4; 64], rig.now);
    let second = rig.hello();
    assert!(first.pake != second.pake && second.tag.is_none());
    let (_, prove) = answer(&second, "sesame", 2);
    rig.hear(&Event::Prove(prove)).unwrap();
    assert!(rig.hello().tag.is_some());
}

/// protocol 20.5
#[test]
fn the_password_is_not_sent_over_a_plain_link_unless_the_user_allows_it() {
    let mut rig = Rig::new(Some(Password::new("sesame")));
    rig.client.link_up(LOSSLESS, rig.now);
    let error = rig.refusal();
    assert!(error.message.contains("not encrypted"), "{error:?}");

    let mut rig = Rig::new(Some(Password::new("sesame").or_in_clear()));
    rig.client.link_up(LOSSLESS, rig.now);
    let hello = rig.hello();
    assert_eq!((hello.password.as_deref(), hello.pake), (Some("sesame"), None));

    // What may be sent in the clear is proved where it can be.
    let mut rig = Rig::new(Some(Password::new("sesame").or_in_clear()));
    rig.client.encrypted_link_up(LOSSLESS, &binding(1), [3; 64], rig.now);
    let hello = rig.hello();
    assert!(hello.password.is_none() && hello.pake.is_some());
}

/// protocol 20.5
#[test]
fn a_loopback_address_is_this_machine() {
    let in_clear = |address: &str| {
        let mut rig = Rig::new(Some(Password::for_server("sesame", &address.parse().unwrap())));
        rig.client.link_up(LOSSLESS, rig.now);
        !rig.client.is_over()
    };
    for address in ["tcp://127.0.0.1:7000", "udp://127.8.9.1", "tcp://[::1]:7000", "tcp://LOCALHOST:7000"] {
        assert!(in_clear(address), "{address}");
    }
    for address in ["tcp://192.168.1.7:7000", "tcp://localhost.example", "tcp://[fe80::1]:7000", "memory://a"]
    {
        assert!(!in_clear(address), "{address}");
    }
}

/// protocol 2.7: a client without a password proves nothing, whatever the server says.
#[test]
fn a_client_without_a_password_has_no_share() {
    let mut rig = Rig::new(None);
    rig.client.encrypted_link_up(LOSSLESS, &binding(1), [3; 64], rig.now);
    let hello = rig.hello();
    assert_eq!((hello.password, hello.pake, hello.tag), (None, None, None));
    rig.hear(&welcome()).unwrap();
    assert!(matches!(rig.client.poll_update(), Some(Update::Connected(_))));
}
