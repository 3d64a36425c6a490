//! Real clients talk over the transport: what they report to their users holds whatever the transport promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    Address, ClientId, RoomName,
    client::{Config, Remote, Update, Updates, start},
    log::Append,
    transport::{BoxLink, Dialled, Listening, Promises, Transport},
    wire::{
        Author, Body, EntryFrame, EntryKind, Event, Fields, History, Join, Leave, Post, RequestBody, Search,
        read_request,
    },
};
use futures::{
    FutureExt, SinkExt, StreamExt, TryFutureExt,
    future::{BoxFuture, join_all, ready},
};

use super::{Subject, test_server::TestServer};
use crate::time::{QUIET, within};

/// Every message is stored once, the messages of one sender in the order in which they were asked for, and every client
/// reports every entry once and in the order of its numbers. The messages are asked for all at once. (protocol 5.4,
/// protocol 5.9, protocol 6.1, protocol 17.4)
pub async fn messages_are_stored_once_and_in_order(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut clients = Vec::new();
    for name in NAMES {
        let mut client = TestClient::start(&server, name);
        client.join().await;
        clients.push(client);
    }
    for number in 0..MESSAGES {
        for client in &mut clients {
            let text = format!("{} {number}", client.name);
            client.ask(Post::say(ROOM, text)).await;
        }
    }
    let total = NAMES.len() as u64 * MESSAGES;
    let read = join_all(clients.iter_mut().map(|client| client.entries(total))).await;
    for entries in &read {
        let numbers: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, Vec::from_iter(1..=total), "each entry once, in the order of the numbers");
        assert_eq!(*entries, read[0], "everybody reads the same");
        for name in NAMES {
            let said = entries.iter().filter(|entry| entry.author.name == name);
            let said: Vec<&str> = said.map(|entry| entry.body.text.as_str()).collect();
            let asked: Vec<String> = (0..MESSAGES).map(|number| format!("{name} {number}")).collect();
            assert_eq!(said, asked, "the messages of {name} keep their order");
        }
    }
    for client in &clients {
        client.check_link();
    }
}

/// Every client comes to know who is in the room, after others enter and leave. (protocol 9.1, protocol 9.3, protocol 17.6)
pub async fn everybody_knows_who_is_there(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let [mut ana, mut bob, mut cleo] = NAMES.map(|name| TestClient::start(&server, name));
    for client in [&mut ana, &mut bob, &mut cleo] {
        client.join().await;
    }
    for client in [&mut ana, &mut bob, &mut cleo] {
        client.sees(&["ana", "bob", "cleo"]).await;
    }
    bob.ask(Leave { room: ROOM.into() }).await;
    ana.sees(&["ana", "cleo"]).await;
    cleo.sees(&["ana", "cleo"]).await;
    bob.join().await;
    for client in [&mut ana, &mut bob, &mut cleo] {
        client.sees(&["ana", "bob", "cleo"]).await;
        client.check_link();
    }
}

/// An entry of a kind that comes later is reported like any other, alone, in a page and in a search; the link stays, what
/// follows arrives, and nothing is asked for again. (protocol 14.9)
pub async fn an_entry_of_a_later_kind_counts(subject: &Subject) {
    let server = TestServer::open_after(subject, entries_of_the_future(), None).await;
    let mut ana = TestClient::start(&server, "ana");
    ana.join().await;
    let read = ana.entries(4).await;
    let kinds: Vec<&str> = read.iter().map(|entry| entry.body.kind.tag()).collect();
    assert_eq!(kinds, ["message", "poll", "reaction", "message"]);
    assert_eq!(read[1].body.text, "tea or coffee?", "its text is there to be shown");
    let options = read[1].body.fields.as_ref().and_then(|fields| fields.get("options"));
    assert!(options.is_some(), "its own fields are there: {:?}", read[1]);
    assert!(!read[2].body.is_shown(), "an entry without a text is shown as nothing: {:?}", read[2]);

    let mut bob = server.enter_room("bob", 2, ROOM).await;
    bob.say(ROOM, "later").await;
    assert_eq!(ana.entries(5).await[4].body.text, "later");

    let tag =
        ana.ask(History { room: ROOM.into(), before: Some(5), limit: Some(9), ..History::default() }).await;
    let Event::Page(page) = ana.reply(tag).await else { panic!("history is answered by a page") };
    assert_eq!(page.entries, read[..4]);
    let tag = ana.ask(Search { words: "tea".into(), ..Search::default() }).await;
    let Event::Found(found) = ana.reply(tag).await else { panic!("a search is answered") };
    let numbers: Vec<u64> = found.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, [4, 2, 1], "the text of a later kind is found like any other");
    assert_eq!(found.entries[1], read[1]);

    ana.pause(QUIET).await;
    let before = ana.tap.repairs();
    ana.pause(QUIET).await;
    assert_eq!(ana.tap.repairs(), before, "nothing is asked for again");
    if subject.promises().is_lossless() {
        assert_eq!(before, 1, "one join, and no replay");
    }
    ana.check_link();
}

/// Two messages, and between them two entries of kinds that no version knows yet.
fn entries_of_the_future() -> Vec<Append> {
    let mut fields = Fields::new();
    fields.insert("options".to_owned(), vec!["tea", "coffee"].into());
    let poll = Body {
        kind: EntryKind::of("poll"),
        text: "tea or coffee?".to_owned(),
        fields: Some(Box::new(fields)),
    };
    let mut fields = Fields::new();
    fields.insert("target".to_owned(), 1.into());
    let reaction =
        Body { kind: EntryKind::of("reaction"), text: String::new(), fields: Some(Box::new(fields)) };
    let bodies = [Body::message("tea first"), poll, reaction, Body::message("more tea")];
    let append = |(request, body)| Append {
        client: ClientId(9),
        request,
        room: RoomName::parse(ROOM).expect("the suite uses names that are good"),
        author: Arc::new(Author::person("dora")),
        at: 1_790_000_000_000,
        body: Arc::new(body),
    };
    (1..).zip(bodies).map(append).collect()
}

/// A client of the server, and what it reported so far.
struct TestClient<'a> {
    subject: &'a Subject,
    name: &'static str,
    remote: Remote,
    updates: Updates,
    tap: Tap,
    last_tag: u64,
    entries: Vec<EntryFrame>,
    members: BTreeSet<String>,
    replies: BTreeMap<u64, Event>,
    /// What a client reports only when something is wrong with its link.
    troubles: Vec<Update>,
}

impl<'a> TestClient<'a> {
    fn start(server: &TestServer<'a>, name: &'static str) -> TestClient<'a> {
        let subject = server.subject;
        let tap = Tap { inner: subject.transport.clone(), sent: Arc::default() };
        let number = name.bytes().fold(0, |number, byte| number * 256 + u128::from(byte));
        let config = Config {
            name: name.to_owned(),
            client: ClientId(number),
            password: None,
            seed: u64::try_from(number).unwrap_or_default(),
            raw: false,
        };
        let transport = Arc::new(tap.clone());
        let (remote, updates) = start(config, transport, server.address(), subject.runtime.clone());
        TestClient {
            subject,
            name,
            remote,
            updates,
            tap,
            last_tag: 0,
            entries: Vec::new(),
            members: BTreeSet::new(),
            replies: BTreeMap::new(),
            troubles: Vec::new(),
        }
    }

    /// Asks for something, and gives the tag of its reply.
    async fn ask(&mut self, request: impl Into<RequestBody<'static>>) -> u64 {
        self.last_tag += 1;
        self.remote.ask(request, self.last_tag).await.expect("the client goes on");
        self.last_tag
    }

    /// Enters the room, and waits until it is in.
    async fn join(&mut self) {
        self.ask(Join { room: ROOM.into(), after: Some(0), ..Join::default() }).await;
        let name = self.name;
        self.until("a join", |client| client.members.contains(name)).await;
    }

    /// The first `count` entries of the room.
    async fn entries(&mut self, count: u64) -> Vec<EntryFrame> {
        self.until("entries", |client| client.entries.len() as u64 >= count).await;
        self.entries.clone()
    }

    /// Waits until the members that the client knows are these.
    async fn sees(&mut self, names: &[&str]) {
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.until("members", |client| client.members == names).await;
    }

    async fn reply(&mut self, tag: u64) -> Event {
        self.until("a reply", |client| client.replies.contains_key(&tag)).await;
        self.replies.remove(&tag).expect("it is there")
    }

    /// Lets time pass, in which updates are taken in.
    async fn pause(&mut self, span: Duration) {
        let runtime = self.subject.runtime.clone();
        within(&runtime, span, async {
            loop {
                self.take_in().await;
            }
        })
        .await;
    }

    async fn until(&mut self, what: &str, done: impl Fn(&TestClient<'_>) -> bool) {
        let runtime = self.subject.runtime.clone();
        let waiting = async {
            while !done(self) {
                self.take_in().await;
            }
        };
        let waited = within(&runtime, PATIENCE, waiting).await;
        let TestClient { name, entries, members, troubles, .. } = self;
        let count = entries.len();
        assert!(waited.is_some(), "{name} waits for {what}: {count} entries, {members:?}, {troubles:?}");
    }

    async fn take_in(&mut self) {
        let update = self.updates.next().await.expect("the client goes on");
        match update {
            Update::Connected(_) | Update::Stats(_) => {}
            Update::Entry(entry) => self.entries.push(entry),
            Update::Joined { joined, .. } => self.members = joined.members.into_iter().collect(),
            Update::Members(members) => self.members = members.members.into_iter().collect(),
            Update::Presence(presence) => {
                self.members.extend(presence.entered);
                self.members.retain(|name| !presence.left.contains(name));
            }
            Update::Reply { tag, reply } => drop(self.replies.insert(tag, reply)),
            other => self.troubles.push(other),
        }
    }

    /// Expects that the client has had one link all the time.
    fn check_link(&self) {
        assert!(self.troubles.is_empty(), "{} has had trouble: {:?}", self.name, self.troubles);
    }
}

/// A transport that remembers the frames which are sent over the links that were dialled.
#[derive(Clone)]
struct Tap {
    inner: Arc<dyn Transport>,
    sent: Arc<Mutex<Vec<Bytes>>>,
}

impl Tap {
    /// How many joins and replays were sent so far.
    fn repairs(&self) -> usize {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_repair = |frame: &&Bytes| {
            let request = read_request(frame).expect("a client sends requests");
            matches!(request.body, RequestBody::Join(_) | RequestBody::Replay(_))
        };
        sent.iter().filter(is_repair).count()
    }
}

impl Transport for Tap {
    fn promises(&self) -> Promises {
        self.inner.promises()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.inner.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.connect(address).map_ok(|dialled| dialled.link).boxed()
    }

    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Dialled>> {
        async move {
            let dialled = self.inner.connect(address).await?;
            let sent = self.sent.clone();
            let tapped = dialled.link.with(move |frame: Bytes| {
                sent.lock().unwrap_or_else(PoisonError::into_inner).push(frame.clone());
                ready(io::Result::Ok(frame))
            });
            Ok(Dialled { link: Box::pin(tapped), ..dialled })
        }
        .boxed()
    }
}

const ROOM: &str = "lobby";
const NAMES: [&str; 3] = ["ana", "bob", "cleo"];
/// How many messages each client says.
const MESSAGES: u64 = 40;
/// How long a client may take for anything.
const PATIENCE: Duration = Duration::from_secs(15);
