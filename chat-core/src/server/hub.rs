//! The hub: the rooms, sessions and names of a server, shared by all of its tasks.

use std::{
    fmt,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use dashmap::{DashMap, Entry};

pub(super) use self::refused::{NotEntered, NotOpened};
use super::{
    Config,
    accounts::{Account, Accounts, Held, Payers},
    admission::Admission,
    limits::{INBOX_SPACE, Kind, Limits},
    link_codes::LinkCodes,
    look_alikes::LookAlikes,
    owners::{Owners, Standing},
    password::Password,
    queue::{Busy, Queue, Submission},
    room::Room,
    room_list::RoomList,
    session::{Inbox, Session, State},
    signer::Signer,
    sync::{lock, read, write},
    time_of_day::TimeOfDay,
    turns::ReadTurns,
};
use crate::{
    ClientId, PersonName, Registry, RoomName, SharedRuntime,
    bucket::Bucket,
    id::Secret,
    log::{LogError, RoomLog, Tail},
    transport::Peer,
};

mod people;
mod presence;
mod refused;
mod rooms;
mod signing;

/// The shared state of a server. A guard of one of its maps is held for a single call only: two guards at a time could
/// wait for each other, and one across an await could stop everything.
pub(super) struct Hub {
    software: String,
    signer: Option<Arc<dyn Signer>>,
    limits: RwLock<Arc<Limits>>,
    pub(super) password: Password,
    pub(super) accounts: Accounts,
    runtime: SharedRuntime,
    time_of_day: TimeOfDay,
    log: Arc<dyn RoomLog>,
    queue: Queue,
    pub(super) admission: Arc<Admission>,
    rooms: DashMap<RoomName, Arc<Room>>,
    /// Asked under a guard of `rooms`, never the other way round.
    look_alikes: LookAlikes,
    room_list: RoomList,
    pub(super) read_turns: ReadTurns,
    pub(super) owners: Owners,
    pub(super) link_codes: LinkCodes,
    /// By what the name looks like, so that no two people look alike.
    names: DashMap<String, Arc<Session>>,
    clients: DashMap<ClientId, Arc<Session>>,
    secrets: DashMap<Secret, Arc<Session>>,
    all_rings: Arc<AtomicUsize>,
    inbox_space: Mutex<Bucket>,
    stopping: AtomicBool,
    /// The time for delivering what is pending is over.
    abandoned: AtomicBool,
}

impl Hub {
    /// The hub with the rooms of the log, and the registry and the tail that change them from then on.
    pub(super) async fn open(
        config: Config,
        log: Arc<dyn RoomLog>,
        runtime: SharedRuntime,
    ) -> Result<(Hub, Registry, Tail), LogError> {
        let all_rings = Arc::new(AtomicUsize::new(0));
        let (rooms, room_list, look_alikes) = (DashMap::new(), RoomList::default(), LookAlikes::default());
        let (snapshot, tail) = log.subscribe().await?;
        let registry = Registry::new(log.epoch(), snapshot);
        let time_of_day = TimeOfDay::default();
        let owners = Owners::new(registry.people().clone(), (time_of_day.now(&runtime), runtime.now()));
        for state in registry.rooms() {
            let room = Arc::new(Room::made(state.clone(), all_rings.clone()));
            room_list.add(&room);
            look_alikes.note(room.name());
            rooms.insert(room.name().clone(), room);
        }
        let hub = Hub {
            admission: Arc::default(),
            password: Password::new(config.password),
            limits: RwLock::new(Arc::new(config.limits)),
            software: config.software,
            signer: config.signer,
            accounts: Accounts::default(),
            read_turns: ReadTurns::default(),
            runtime,
            time_of_day,
            owners,
            link_codes: LinkCodes::default(),
            log,
            queue: Queue::default(),
            rooms,
            look_alikes,
            room_list,
            names: DashMap::new(),
            clients: DashMap::new(),
            secrets: DashMap::new(),
            all_rings,
            inbox_space: Mutex::new(Bucket::new(Some(INBOX_SPACE))),
            stopping: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        };
        Ok((hub, registry, tail))
    }

    pub(super) fn limits(&self) -> Arc<Limits> {
        read(&self.limits).clone()
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        *write(&self.limits) = Arc::new(limits);
    }

    pub(super) fn software(&self) -> &str {
        &self.software
    }

    pub(super) fn runtime(&self) -> &SharedRuntime {
        &self.runtime
    }

    pub(super) fn log(&self) -> &Arc<dyn RoomLog> {
        &self.log
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(super) fn submit(&self, submission: Submission) -> Result<(), Busy> {
        let room = submission.room.clone();
        room.submitted();
        self.queue.push(submission).inspect_err(|_| room.committed())
    }

    pub(super) fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Milliseconds since 1970 (UTC).
    pub(super) fn time_of_day(&self) -> u64 {
        self.time_of_day.now(&self.runtime)
    }

    pub(super) fn room(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.rooms.get(name).map(|it| it.value().clone())
    }

    /// How many rooms there are.
    pub(super) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn room_list(&self) -> &RoomList {
        &self.room_list
    }

    /// The session of the person called `name`.
    pub(super) fn find(&self, name: &PersonName) -> Option<Arc<Session>> {
        let session = self.names.get(&name.skeleton()).map(|it| it.value().clone())?;
        (session.name() == name).then_some(session) // a name that only looks alike is another person's
    }

    pub(super) fn session_by_secret(&self, secret: Secret) -> Option<Arc<Session>> {
        self.secrets.get(&secret).map(|it| it.value().clone())
    }

    pub(super) fn session_by_client(&self, client: ClientId) -> Option<Arc<Session>> {
        self.clients.get(&client).map(|it| it.value().clone())
    }

    /// Opens a session under a name and a client id that are free.
    pub(super) fn open_session(
        &self,
        name: PersonName,
        client: ClientId,
        peer: &Peer,
        host: &Arc<Account>,
    ) -> Result<Arc<Session>, NotOpened> {
        let (limits, now) = (self.limits(), self.now());
        if self.standing(&name, peer.identity) == Standing::OfAnother {
            return Err(NotOpened::NameOwned);
        }
        let key = peer.identity.map(|key| (key, self.owners.id_of(key)));
        let full = self.sessions() >= limits.sessions;
        let session = match self.names.entry(name.skeleton()) {
            Entry::Occupied(holder) => return Err(NotOpened::NameInUse(holder.get().clone())),
            Entry::Vacant(_) if full => return Err(NotOpened::Full),
            Entry::Vacant(free) => {
                let of_host = Held::take(host, |host| &host.sessions, 1, limits.sessions_per_host)
                    .ok_or(NotOpened::HostFull)?;
                host.spend(&limits, &[(Kind::Sessions, 1)], now).map_err(NotOpened::TooFast)?;
                let person = self.accounts.person(&name, key.map(|(_, person)| person), now);
                let payers = Payers { host: host.clone(), person };
                let secret = Secret(self.runtime.random());
                let inbox = Inbox::new(self.runtime.random());
                let session = Session::new(name, client, secret, key, inbox, payers, of_host);
                free.insert(Arc::new(session)).value().clone()
            }
        };
        // Before the client id, by which another hello may end the session at once.
        self.secrets.insert(session.secret(), session.clone());
        // Another hello with the same client id may have opened a session under another name in the meantime.
        if !Arc::ptr_eq(self.clients.entry(client).or_insert_with(|| session.clone()).value(), &session) {
            self.end(&session);
            return Err(NotOpened::ClientInUse);
        }
        self.note_name(&session, Some(host));
        Ok(session)
    }

    /// Ends a session if that is still right at this very moment: its client may be coming back. An ended session leaves
    /// its rooms and gives up its name. Returns whether it has ended, now or before.
    pub(super) fn end_if(&self, session: &Session, is_right: impl FnOnce(&State) -> bool) -> bool {
        let rooms = match session.close(is_right) {
            Ok(rooms) => rooms,
            Err(has_ended) => return has_ended,
        };
        for membership in rooms {
            self.leave(&membership.room, session.name());
        }
        self.forget(session);
        self.note_name(session, None);
        session.wake();
        true
    }

    /// Ends a session.
    pub(super) fn end(&self, session: &Session) {
        self.end_if(session, |_| true);
    }

    /// Takes a session that has ended out of every map.
    fn forget(&self, session: &Session) {
        let is_it = |it: &Arc<Session>| std::ptr::eq(Arc::as_ptr(it), session);
        self.secrets.remove_if(&session.secret(), |_, it| is_it(it));
        self.clients.remove_if(&session.client(), |_, it| is_it(it));
        self.names.remove_if(&session.name().skeleton(), |_, it| is_it(it));
        self.admission.gone().wake();
    }

    /// Has all inboxes let go of what they can, at most once a second: those that no link reads, of all they have.
    pub(super) fn make_space_in_inboxes(&self, now: Instant) {
        if lock(&self.inbox_space).take(now).is_ok() {
            for session in &self.secrets {
                lock(&session.value().inbox).make_space();
            }
        }
    }

    pub(super) fn sessions(&self) -> usize {
        self.secrets.len()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Has every link say goodbye once it has sent what it owes.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake_everybody();
    }

    /// Has every link go at once.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.wake_everybody();
    }

    fn wake_everybody(&self) {
        self.admission.wake_all();
        for session in &self.secrets {
            session.value().wake();
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("sessions", &self.sessions()).finish_non_exhaustive()
    }
}
