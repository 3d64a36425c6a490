//! The hub: the rooms, sessions and names of a server, shared by all of its tasks.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime},
};

use dashmap::{DashMap, Entry};

use super::{
    Config,
    admission::Admission,
    limits::Limits,
    queue::{Busy, Queue, Submission},
    room::Room,
    session::{Inbox, Session, State},
};
use crate::{
    ClientId, PersonName, RoomName, SharedRuntime,
    id::Secret,
    log::{LogEntry, LogError, RoomLog, RoomState},
    wire::{self, RoomSummary},
};

/// The shared state of a server. A guard of one of its maps is held for a single call only: two guards at a time could
/// wait for each other, and one across an await could stop everything.
pub(super) struct Hub {
    config: Config,
    runtime: SharedRuntime,
    log: Arc<dyn RoomLog>,
    queue: Queue,
    pub(super) admission: Arc<Admission>,
    rooms: DashMap<RoomName, Arc<Room>>,
    /// By what the name looks like, so that no two people look alike.
    names: DashMap<String, Arc<Session>>,
    clients: DashMap<ClientId, Arc<Session>>,
    secrets: DashMap<Secret, Arc<Session>>,
    all_rings: Arc<AtomicUsize>,
    stopping: AtomicBool,
    /// The time for delivering what is pending is over.
    abandoned: AtomicBool,
}

/// The server has as many rooms as it takes.
#[derive(Debug)]
pub(super) struct TooMany {
    pub(super) rooms: usize,
}

/// Why a session cannot be opened under a name.
#[derive(Debug)]
pub(super) enum NameInUse {
    /// The session that has the name has a link.
    Present(Arc<Session>),
    /// The session that has the name has lost its link, and waits for its client.
    Waiting(Arc<Session>),
    /// The name is free, but the server holds as many sessions as it may.
    Full,
}

impl Hub {
    pub(super) async fn open(
        config: Config,
        log: Arc<dyn RoomLog>,
        runtime: SharedRuntime,
    ) -> Result<Hub, LogError> {
        let all_rings = Arc::new(AtomicUsize::new(0));
        let rooms = DashMap::new();
        for state in log.rooms().await? {
            rooms.insert(state.room.clone(), Arc::new(Room::new(state, all_rings.clone())));
        }
        Ok(Hub {
            admission: Arc::new(Admission::new(&config.limits)),
            config,
            runtime,
            log,
            queue: Queue::default(),
            rooms,
            names: DashMap::new(),
            clients: DashMap::new(),
            secrets: DashMap::new(),
            all_rings,
            stopping: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    pub(super) fn software(&self) -> &str {
        &self.config.software
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
        let since = self.runtime.wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(wire::MAX_INTEGER).min(wire::MAX_INTEGER)
    }

    /// Whether `password` is the server's, if the server has one. Takes the same time wherever the two differ.
    pub(super) fn admits(&self, password: Option<&str>) -> bool {
        let Some(wanted) = &self.config.password else { return true };
        let (wanted, given) = (wanted.as_bytes(), password.unwrap_or_default().as_bytes());
        let differ = wanted.iter().zip(given).fold(0, |differ, (a, b)| differ | (a ^ b));
        wanted.len() == given.len() && differ == 0
    }

    pub(super) fn room(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.rooms.get(name).map(|it| it.value().clone())
    }

    /// Puts `session` into a room, and creates the room if there is none.
    pub(super) fn enter(&self, name: &RoomName, session: &Arc<Session>) -> Result<Arc<Room>, TooMany> {
        let full = self.rooms.len() >= self.config.limits.rooms;
        // The entry is held while the session enters, so that the room is not forgotten in between.
        match self.rooms.entry(name.clone()) {
            Entry::Occupied(it) => {
                it.get().enter(session.name().clone(), session.mailbox().clone());
                Ok(it.get().clone())
            }
            Entry::Vacant(_) if full => Err(TooMany { rooms: self.config.limits.rooms }),
            Entry::Vacant(it) => {
                let room = Arc::new(self.new_room(name.clone()));
                room.enter(session.name().clone(), session.mailbox().clone());
                it.insert(room.clone());
                Ok(room)
            }
        }
    }

    /// Takes a person out of a room.
    pub(super) fn leave(&self, room: &Arc<Room>, name: &PersonName) {
        room.leave(name);
        self.forget_if_vacant(room);
    }

    /// Forgets a room that nobody is in and that never had an entry.
    pub(super) fn forget_if_vacant(&self, room: &Arc<Room>) {
        if room.is_vacant() {
            self.rooms.remove_if(room.name(), |_, it| Arc::ptr_eq(it, room) && it.is_vacant());
        }
    }

    /// Publishes an entry that another server wrote to the log.
    pub(super) fn foreign(&self, name: &RoomName, entry: LogEntry) {
        let room =
            self.rooms.entry(name.clone()).or_insert_with(|| Arc::new(self.new_room(name.clone()))).clone();
        room.publish(&[entry]);
    }

    fn new_room(&self, room: RoomName) -> Room {
        let state = RoomState { room, epoch: self.log.epoch(), oldest: 1, head: 0, topic: String::new() };
        Room::new(state, self.all_rings.clone())
    }

    /// How many rooms there are.
    pub(super) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// The rooms, those with the most people first, as many as fit a frame.
    pub(super) fn list_rooms(&self, id: u64) -> wire::Rooms {
        let mut rooms: Vec<RoomSummary> = self.rooms.iter().map(|it| it.value().summary()).collect();
        let total = rooms.len() as u64;
        rooms.sort_by(|a, b| b.present.cmp(&a.present).then_with(|| a.room.cmp(&b.room)));
        let mut room_left = wire::MAX_FRAME - LIST_OVERHEAD;
        let fitting = rooms.iter().map_while(|it| {
            room_left = room_left.checked_sub(wire::write(it).len() + 1)?;
            Some(())
        });
        let fitting = fitting.count();
        rooms.truncate(fitting);
        wire::Rooms { id, rooms, total }
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

    /// Opens a session under a name that is free.
    pub(super) fn open_session(
        &self,
        name: PersonName,
        client: ClientId,
        host: String,
    ) -> Result<Arc<Session>, NameInUse> {
        let full = self.sessions() >= self.limits().sessions;
        let session = match self.names.entry(name.skeleton()) {
            Entry::Occupied(it) => {
                let holder = it.get().clone();
                drop(it);
                return Err(match holder.lost_for(self.now()) {
                    Some(_) => NameInUse::Waiting(holder),
                    None => NameInUse::Present(holder),
                });
            }
            Entry::Vacant(_) if full => return Err(NameInUse::Full),
            Entry::Vacant(it) => {
                let secret = Secret(self.runtime.random());
                let inbox = Inbox::new(self.runtime.random());
                let session = Session::new(name, client, secret, host, inbox, self.limits());
                it.insert(Arc::new(session)).value().clone()
            }
        };
        self.clients.insert(session.client(), session.clone());
        self.secrets.insert(session.secret(), session.clone());
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
        f.debug_struct("Hub")
            .field("rooms", &self.rooms.len())
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}

/// What a list of rooms needs besides the rooms.
const LIST_OVERHEAD: usize = 256;
