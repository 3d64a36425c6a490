//! The client alone, against a server that repeats, skips, refuses and falls silent as a test tells it to.

mod later_entries;

use std::time::{Duration, Instant};

use chat_core::{
    ClientId,
    client::{Client, Config, Update},
    transport::Promises,
    wire::{MAX_FRAME, Reason, Request, RequestBody, read_request},
};

use crate::protocol::{SECOND, say};

/// A client whose every frame is looked at, and what it hears.
struct Rig {
    client: Client,
    now: Instant,
}

impl Rig {
    /// A client that is welcomed.
    fn open(limits: &str) -> Rig {
        let config =
            Config { name: "ana".to_owned(), client: ClientId(7), password: None, seed: 1, raw: false };
        let mut rig = Rig { client: Client::new(config), now: Instant::now() };
        rig.link_up(limits, false);
        rig
    }

    /// A client that is in the lobby and has read nothing.
    fn in_the_lobby(limits: &str) -> Rig {
        let mut rig = Rig::open(limits);
        rig.client.ask(join("lobby"), 0);
        let Some(Request { id: Some(id), body: RequestBody::Join(_), .. }) = rig.sent().pop() else {
            panic!("a join is asked for at once")
        };
        rig.hear(&joined(id, 0, 0)).unwrap();
        rig.updates();
        rig
    }

    /// Gives the client a link and a welcome; gives its hello as it was sent.
    fn link_up(&mut self, limits: &str, resumed: bool) -> String {
        self.client.link_up(Promises { ordered: true, reliable: true, max_frame: MAX_FRAME }, self.now);
        let hello = self.client.poll_transmit(self.now).expect("hello comes first");
        let welcome = format!(
            r#"{{"type":"welcome","protocol":1,"name":"ana","server":"x","resume":"{SECRET}","resumed":{resumed},"limits":{limits}}}"#
        );
        self.hear(&welcome).unwrap();
        String::from_utf8(hello.to_vec()).unwrap()
    }

    fn hear(&mut self, frame: &str) -> Result<(), String> {
        self.client.on_frame(frame.as_bytes(), self.now)
    }

    fn entry(&mut self, seq: u64) -> Result<(), String> {
        self.hear(&format!(
            r#"{{"type":"message","room":"lobby","seq":{seq},"from":"bob","at":1,"text":"{seq}"}}"#
        ))
    }

    /// Everything the client wants to send now.
    fn sent(&mut self) -> Vec<Request<'static>> {
        let mut sent = Vec::new();
        while let Some(frame) = self.client.poll_transmit(self.now) {
            sent.push(read_request(Box::leak(frame.to_vec().into_boxed_slice())).unwrap());
        }
        sent
    }

    /// The ids and texts of what the client wants to say now.
    fn said(&mut self) -> Vec<(u64, String)> {
        let said = self.sent().into_iter().map(|it| match it {
            Request { id: Some(id), body: RequestBody::Post(say), .. } => (id, say.text.into_owned()),
            other => panic!("nothing else was asked for: {other:?}"),
        });
        said.collect()
    }

    fn updates(&mut self) -> Vec<Update> {
        std::iter::from_fn(|| self.client.poll_update()).collect()
    }

    fn numbers(&mut self) -> Vec<u64> {
        let seq = |it| if let Update::Entry(entry) = it { Some(entry.seq) } else { None };
        self.updates().into_iter().filter_map(seq).collect()
    }
}

fn join(room: &str) -> RequestBody<'static> {
    chat_core::wire::Join { room: room.to_owned().into(), after: Some(0), ..Default::default() }.into()
}

fn joined(id: u64, after: u64, head: u64) -> String {
    format!(
        r#"{{"type":"joined","id":{id},"room":"lobby","epoch":"e","oldest":1,"head":{head},"after":{after},"topic":"","version":4,"members":["ana"],"present":1}}"#
    )
}

fn refused(id: u64, wait: u64) -> String {
    format!(r#"{{"type":"error","id":{id},"code":"rate_limited","message":"","retry_after_ms":{wait}}}"#)
}

/// protocol 14.3
#[test]
fn an_entry_that_comes_again_is_shown_once_and_a_hole_ends_the_link() {
    let mut rig = Rig::in_the_lobby(FAST);
    for seq in [1, 1, 2, 1, 2, 3] {
        rig.entry(seq).unwrap();
    }
    assert_eq!(rig.numbers(), [1, 2, 3]);
    let error = rig.entry(5).expect_err("number 4 is missing");
    assert!(error.contains("lobby"), "{error}");
    assert_eq!(rig.numbers(), [0; 0]);
    rig.client.link_lost("a hole", rig.now);
    rig.link_up(FAST, true);
    let sent = rig.sent();
    let again = |it: &Request<'_>| matches!(it, Request { body: RequestBody::Join(it), .. } if it.room == "lobby" && it.after == Some(3));
    assert!(sent.iter().any(again), "it reads on from where it was: {sent:?}");
}

/// protocol 9.2
#[test]
fn who_missed_a_change_of_members_asks_once() {
    let mut rig = Rig::in_the_lobby(FAST);
    let change = |since: u64, version: u64| {
        format!(
            r#"{{"type":"presence","room":"lobby","since":{since},"version":{version},"entered":["bob"],"left":[]}}"#
        )
    };
    rig.hear(&change(4, 5)).unwrap();
    assert_eq!(rig.updates().len(), 1);
    assert_eq!(rig.sent(), []);
    for (since, version) in [(7, 8), (8, 9)] {
        rig.hear(&change(since, version)).unwrap();
    }
    assert_eq!(rig.updates(), [], "what does not fit is not shown");
    assert!(matches!(&rig.sent()[..], [Request { body: RequestBody::Who(who), .. }] if who.room == "lobby"));
}

/// protocol 12.4
#[test]
fn a_server_that_is_silent_for_75_seconds_is_given_up_and_pinged_before() {
    let mut rig = Rig::open(FAST);
    rig.now += SECOND * 60 - Duration::from_millis(1);
    assert_eq!(rig.sent(), []);
    rig.now += Duration::from_millis(1);
    assert!(matches!(rig.sent()[..], [Request { body: RequestBody::Ping, .. }]));
    rig.now += SECOND * 15 - Duration::from_millis(1);
    rig.client.on_timeout(rig.now).unwrap();
    rig.now += Duration::from_millis(1);
    rig.client.on_timeout(rig.now).expect_err("75 seconds are over");
    rig.hear(r#"{"type":"left","id":99,"room":"kitchen"}"#).unwrap();
    rig.client.on_timeout(rig.now).expect("whatever comes is a sign of life");
}

/// protocol 12.4
#[test]
fn who_waits_for_a_reply_pings_after_5_seconds_of_silence_and_gives_up_after_15() {
    let mut rig = Rig::in_the_lobby(FAST);
    rig.now += SECOND * 20;
    rig.client.ask(say("lobby", "hi"), 1);
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.client.poll_timeout(rig.now), Some(rig.now + SECOND * 5));
    rig.now += SECOND * 5;
    assert!(matches!(rig.sent()[..], [Request { body: RequestBody::Ping, .. }]));
    rig.now += SECOND * 10 - Duration::from_millis(1);
    rig.client.on_timeout(rig.now).unwrap();
    rig.now += Duration::from_millis(1);
    let why = rig.client.on_timeout(rig.now).expect_err("15 seconds are over");
    assert!(why.contains("nobody answers"), "{why}");
}

/// protocol 11.5, protocol 11.12
#[test]
fn no_more_is_under_way_than_the_server_takes() {
    for (said, most) in [
        (r#"64"#, 32), // what it is where the server does not say
        (r#"5"#, 5),
        (r#"64,"in_flight":7"#, 7),
        (r#"64,"in_flight":50"#, 50),
        (r#"20,"in_flight":50"#, 20),
        (r#"0,"in_flight":0"#, 1),
    ] {
        let mut rig = Rig::in_the_lobby(&FAST.replace("64}", &format!("{said}}}")));
        for n in 0..100 {
            rig.client.ask(say("lobby", n.to_string()), n);
        }
        let said = rig.said();
        assert_eq!(said.len(), most);
        let id = said[0].0;
        rig.hear(&format!(r#"{{"type":"ack","id":{id},"room":"lobby","seq":1,"at":1}}"#)).unwrap();
        assert_eq!(rig.said().len(), 1, "one is answered, one more goes");
    }
}

/// protocol 11.1
#[test]
fn it_waits_by_itself_for_what_the_server_would_refuse() {
    let mut rig = Rig::in_the_lobby(&FAST.replace('}', r#","burst":3,"per_minute":60}"#));
    for n in 0..10 {
        rig.client.ask(say("lobby", n.to_string()), n);
    }
    assert_eq!(rig.said().len(), 3);
    assert_eq!(rig.client.poll_timeout(rig.now), Some(rig.now + SECOND));
    rig.now += SECOND;
    assert_eq!(rig.said().len(), 1);
}

/// protocol 5.8, 11.2
#[test]
fn what_was_refused_for_now_is_said_again_in_order_when_nothing_can_overtake_it() {
    let mut rig = Rig::in_the_lobby(FAST);
    for n in 0..3 {
        rig.client.ask(say("lobby", n.to_string()), n);
    }
    let first = rig.said();
    rig.hear(&refused(first[0].0, 200)).unwrap();
    rig.client.ask(say("lobby", "3"), 3);
    rig.now += SECOND;
    assert_eq!(rig.said(), [], "two are under way, and might overtake");
    rig.hear(&refused(first[1].0, 200)).unwrap();
    rig.hear(&refused(first[2].0, 200)).unwrap();
    assert_eq!(rig.said(), [], "not before the time the server named");
    rig.now += Duration::from_millis(200);
    let again = rig.said();
    assert_eq!(again[..3], first[..], "the same ids and the same order");
    assert_eq!(again[3].1, "3");
}

/// protocol 3.2, 14.4
#[test]
fn after_a_lost_link_it_resumes_and_says_again_what_was_not_answered() {
    let mut rig = Rig::in_the_lobby(FAST);
    rig.entry(1).unwrap();
    for n in 0..3 {
        rig.client.ask(say("lobby", n.to_string()), n);
    }
    let first = rig.said();
    rig.hear(&format!(r#"{{"type":"ack","id":{},"room":"lobby","seq":2,"at":1}}"#, first[0].0)).unwrap();
    rig.client.link_lost("cut", rig.now);
    assert_eq!(rig.sent(), [], "without a link nothing is sent");
    let hello = rig.link_up(FAST, true);
    assert!(hello.contains(SECRET) && hello.contains(&ClientId(7).to_string()), "{hello}");
    let sent = rig.sent();
    let lobby = |it: &Request<'_>| match it {
        Request { id, body: RequestBody::Join(it), .. } if it.room == "lobby" => {
            Some((id.unwrap(), it.after))
        }
        _ => None,
    };
    let (id, after) = sent.iter().find_map(lobby).expect("the lobby is joined again");
    assert_eq!(after, Some(1));
    assert!(
        !sent.iter().any(|it| matches!(it, Request { body: RequestBody::Post(_), .. })),
        "not before it is joined: {sent:?}"
    );
    rig.hear(&joined(id, 1, 2)).unwrap();
    assert_eq!(rig.said(), first[1..]);
}

/// protocol 12.3, 14.5
#[test]
fn a_goodbye_says_whether_and_when_to_come_back() {
    let mut rig = Rig::open(FAST);
    rig.hear(r#"{"type":"goodbye","reason":"shutdown","retry_after_ms":5000}"#).expect_err("the link ends");
    let again = rig.client.link_lost("goodbye", rig.now).expect("it comes back");
    assert!((SECOND * 5..SECOND * 6).contains(&(again - rig.now)));
    rig.link_up(FAST, false);
    rig.updates();
    rig.hear(r#"{"type":"goodbye","reason":"replaced"}"#).expect_err("the link ends");
    assert_eq!(rig.updates(), [], "by its own hello, that was late");
    assert!(rig.client.link_lost("goodbye", rig.now).is_some(), "so it dials again");
    rig.link_up(FAST, false);
    rig.updates();
    rig.now += SECOND * 2;
    rig.hear(r#"{"type":"goodbye","reason":"replaced"}"#).expect_err("the link ends");
    assert_eq!(rig.updates(), [Update::Goodbye(Reason::Replaced)]);
    assert_eq!(rig.client.link_lost("goodbye", rig.now), None, "the session goes on elsewhere");
    assert!(rig.client.is_over());
}

/// protocol 14.5
#[test]
fn clients_do_not_come_back_all_at_once_and_pauses_grow_until_a_link_has_lived() {
    let pauses = |seed: u64| -> Vec<Duration> {
        let config = Config { name: "ana".to_owned(), client: ClientId(7), password: None, seed, raw: false };
        let mut rig = Rig { client: Client::new(config), now: Instant::now() };
        let pause = |rig: &mut Rig| rig.client.link_lost("nobody", rig.now).unwrap() - rig.now;
        let mut pauses: Vec<Duration> = (0..6).map(|_| pause(&mut rig)).collect();
        for lived in [Duration::ZERO, SECOND * 10 - Duration::from_millis(1), SECOND * 10, SECOND * 10] {
            rig.link_up(FAST, false);
            rig.now += lived;
            pauses.push(pause(&mut rig));
        }
        pauses
    };
    let (one, other) = (pauses(1), pauses(2));
    assert!(one.iter().zip(&other).all(|(a, b)| a != b), "{one:?} {other:?}");
    for pauses in [one, other] {
        assert!(pauses[..6].is_sorted() && pauses[5] >= SECOND * 4, "{pauses:?}");
        assert!(pauses[6..8].iter().all(|pause| *pause >= SECOND * 5), "a welcome is not enough: {pauses:?}");
        assert!(pauses[8..].iter().all(|pause| *pause <= Duration::from_millis(250)), "{pauses:?}");
    }
}

/// The limits of a welcome without a rate.
const FAST: &str = r#"{"frame":65443,"text":8192,"rooms":9,"pending":64}"#;
const SECRET: &str = "q83vEjRWeJCrze8SNFZ4kA";
