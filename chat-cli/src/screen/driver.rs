//! Where keys, the client and the clock come together, one at a time. While thousands of messages come, keys are
//! taken first and the screen is drawn at most [`FRAME`] after what it shows.

use std::{
    io,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chat_core::client::{Closed, Update, Updates};
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use futures::{
    FutureExt, StreamExt,
    channel::mpsc,
    future::{FusedFuture, join, pending},
    select_biased,
};
use jiff::tz::TimeZone;

use super::{
    app::{Action, App},
    draw,
    keys::{self, Key, Way},
    outbox::Outbox,
    terminal::Terminal,
    theme::Theme,
};
use crate::{
    lan::LeaveWarning,
    output::{Line, are_colours_wanted},
    sanitize::Sanitized,
    session::{Door, Entering, Session, ends},
    settings::{Notifications, Settings},
    signals::Signals,
};

/// Takes the terminal over, goes in at `door` and talks in `rooms` until the user leaves. What was `told` before is said
/// again, as the screen covers it.
///
/// # Errors
/// When the server cannot be joined or lets us in no more, the terminal is gone, or something said stays unanswered.
pub(crate) async fn run(
    door: Door,
    rooms: &[&str],
    settings: &Settings,
    (told, leaving): (Option<Line>, LeaveWarning<'_>),
) -> anyhow::Result<()> {
    let signals = Signals::catch().context("cannot catch signals")?;
    let theme = Theme { colours: are_colours_wanted(settings.colours.value, true) };
    let mut app = App::new(door.server.clone(), rooms, theme, TimeZone::system());
    told.into_iter().for_each(|line| app.note(line));
    let mut driver = Driver::new(door, app, signals, leaving);
    driver.rings = settings.notifications.value == Notifications::On;
    let ended = driver.converse().await;
    // Dropping the terminal gave it back: whatever is said from here on is printed.
    let left = driver.leave().await;
    ended.and(left)
}

struct Driver<'a> {
    app: App,
    door: Door,
    signals: Signals,
    leaving: LeaveWarning<'a>,
    /// On the way in: for the first time, or under another name.
    entering: Entering,
    /// What there is to tell on the way in.
    waiting: mpsc::Receiver<Update>,
    updates: Option<Updates>,
    outbox: Outbox,
    /// When to draw what has changed since the screen was drawn.
    due: Option<Instant>,
    drawn: Instant,
    /// Whether to ring at all, and when that was.
    rings: bool,
    rang: Option<Instant>,
}

/// What there is to do.
enum Woken {
    Event(Option<io::Result<Event>>),
    Sent(Result<(), Closed>),
    Entered(anyhow::Result<Session>),
    Waiting(Option<Update>),
    Update(Option<Update>),
    Time,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    On,
    End,
}

impl<'a> Driver<'a> {
    fn new(door: Door, app: App, signals: Signals, leaving: LeaveWarning<'a>) -> Driver<'a> {
        let drawn = door.runtime.now();
        let (entering, waiting) = door.clone().begin();
        Driver {
            app,
            door,
            signals,
            leaving,
            entering,
            waiting,
            updates: None,
            outbox: Outbox::default(),
            due: None,
            drawn,
            rings: true,
            rang: None,
        }
    }

    async fn converse(&mut self) -> anyhow::Result<()> {
        let mut terminal = Terminal::take().context("cannot use the terminal")?;
        // The only one there ever is: another would not wake us.
        let mut events = EventStream::new().fuse();
        self.draw(&mut terminal)?; // before anything has come
        loop {
            let now = self.door.runtime.now();
            if self.due.is_some_and(|due| due <= now) {
                self.draw(&mut terminal)?;
            }
            self.send_next();
            let timeout = self.app.poll_timeout(now).into_iter().chain(self.due).min();
            let mut timeout = match timeout {
                Some(at) => self.door.runtime.sleep_until(at).fuse(),
                None => pending().boxed().fuse(),
            };
            let woken = {
                let mut update = pin!(next(&mut self.updates).fuse());
                // Whoever writes comes first, and what was written before what there is to read.
                select_biased! {
                    () = self.signals.shutdown_requested() => return Ok(()),
                    event = events.next() => Woken::Event(event),
                    sent = self.outbox.sent() => Woken::Sent(sent),
                    session = &mut self.entering => Woken::Entered(session),
                    update = self.waiting.next() => Woken::Waiting(update),
                    update = update => Woken::Update(update),
                    () = timeout => Woken::Time,
                }
            };
            match woken {
                Woken::Event(event) => {
                    let event = event.context("the terminal is gone")?.context("the terminal is gone")?;
                    self.on_event(event);
                }
                Woken::Sent(sent) => sent?,
                Woken::Entered(session) => self.entered(session)?,
                Woken::Waiting(None) => {}
                Woken::Waiting(Some(update)) => self.hear(update)?,
                Woken::Update(update) => {
                    self.hear(update.context("the conversation ended")?)?;
                    self.hear_more()?;
                }
                Woken::Time => {
                    self.app.on_timeout(self.door.runtime.now());
                    self.draw_within(FRAME);
                }
            }
            for action in self.app.take_actions() {
                if self.act(action, &mut terminal)? == Flow::End {
                    return Ok(());
                }
            }
        }
    }

    /// Something has changed, and is to be seen that soon after what was drawn last.
    fn draw_within(&mut self, frame: Duration) {
        let due = self.drawn + frame;
        self.due = Some(self.due.map_or(due, |it| it.min(due)));
    }

    fn draw(&mut self, terminal: &mut Terminal) -> anyhow::Result<()> {
        let now = self.door.runtime.now();
        let app = &mut self.app;
        terminal
            .draw(|frame| {
                let area = frame.area();
                app.resized((area.width, area.height));
                draw::draw(app, now, frame);
            })
            .context("the terminal is gone")?;
        if app.take_bell() && self.rings && self.rang.is_none_or(|at| at + RING_EVERY <= now) {
            self.rang = Some(now);
            terminal.ring().context("the terminal is gone")?;
        }
        (self.due, self.drawn) = (None, self.door.runtime.now());
        Ok(())
    }

    fn on_event(&mut self, event: Event) {
        let now = self.door.runtime.now();
        match event {
            Event::Key(event) if event.kind != KeyEventKind::Release => {
                let Some(key) = keys::meaning(event) else { return };
                self.app.on_key(key, now);
            }
            Event::Paste(text) => self.app.on_paste(&text),
            Event::Mouse(event) => match event.kind {
                MouseEventKind::ScrollUp => self.app.on_key(Key::Wheel(Way::Up), now),
                MouseEventKind::ScrollDown => self.app.on_key(Key::Wheel(Way::Down), now),
                MouseEventKind::Down(MouseButton::Left) => self.app.on_click(event.column, event.row),
                _ => return,
            },
            Event::FocusGained => self.app.focused(true),
            Event::FocusLost => self.app.focused(false),
            // What is drawn next is drawn for the size there is then.
            Event::Resize(..) => {}
            Event::Key(_) => return,
        }
        self.draw_within(KEY_FRAME);
    }

    fn hear(&mut self, update: Update) -> anyhow::Result<()> {
        ends(&update)?;
        if let Update::Moved { to } = &update {
            self.door.moved(to);
        }
        self.app.on_update(update, self.door.runtime.now());
        self.draw_within(FRAME);
        Ok(())
    }

    /// Takes what has come already, so that it is drawn at once.
    fn hear_more(&mut self) -> anyhow::Result<()> {
        for _ in 0..MOST_AT_ONCE {
            let Some(update) = next(&mut self.updates).now_or_never().flatten() else { break };
            self.hear(update)?;
        }
        Ok(())
    }

    fn entered(&mut self, session: anyhow::Result<Session>) -> anyhow::Result<()> {
        self.draw_within(FRAME);
        let now = self.door.runtime.now();
        match session {
            Ok(session) if self.updates.is_some() => {
                // From here on in the other session. What the one before was told last is read again in this one.
                self.app.renamed(&session.welcome, self.outbox.take_waiting(), now);
                self.take_session(session);
            }
            Ok(session) => {
                self.app.on_update(Update::Connected(session.welcome.clone()), now);
                self.take_session(session);
            }
            Err(error) if self.updates.is_some() => {
                self.app.note(Line::note("").shown(&Sanitized::line(&format!("{error:#}"))));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn take_session(&mut self, session: Session) {
        self.door = self.door.named(&session.welcome.name);
        self.outbox.opened(session.remote);
        self.updates = Some(session.updates);
    }

    fn act(&mut self, action: Action, terminal: &mut Terminal) -> anyhow::Result<Flow> {
        self.draw_within(FRAME);
        match action {
            Action::Quit => match self.leaving.warning(self.updates.is_some()) {
                Some(line) => self.app.note(line),
                None => return Ok(Flow::End),
            },
            Action::Redraw => terminal.forget().context("the terminal is gone")?,
            Action::Rename(name) if self.updates.is_some() => {
                self.entering = self.door.named(&name).begin().0;
            }
            Action::Rename(_) => self.app.note(Line::note("not before we are in")),
            action => self.outbox.put(action),
        }
        Ok(Flow::On)
    }

    /// Lends the client what it can take, unless we are on the way to another session.
    fn send_next(&mut self) {
        if !self.entering.is_terminated() {
            return;
        }
        if let Some(to) = self.outbox.send_next() {
            match self.door.way(&to) {
                Ok((transport, address)) => self.outbox.move_to(transport, address),
                Err(why) => {
                    self.app.note(Line::note("").shown(&Sanitized::line(&format!("{why:#}"))));
                    self.draw_within(FRAME);
                }
            }
        }
    }

    /// Says what is left to say and waits, not for long, until it is stored.
    async fn leave(&mut self) -> anyhow::Result<()> {
        let mut patience = self.door.runtime.sleep_until(self.door.runtime.now() + LEAVE_WITHIN).fuse();
        let say = std::mem::take(&mut self.outbox).empty();
        let (app, updates, runtime) = (&mut self.app, &mut self.updates, &self.door.runtime);
        let hear = async {
            while let Some(updates) = updates
                && let Some(update) = updates.next().await
            {
                if !matches!(update, Update::Disconnected { .. }) {
                    app.on_update(update, runtime.now());
                }
            }
        };
        let mut farewell = pin!(join(say, hear).fuse());
        select_biased! {
            () = self.signals.shutdown_requested() => {}
            _ = farewell => {}
            () = patience => {}
        }
        match self.app.unsaid() {
            0 => Ok(()),
            1 => bail!("left before 1 message was stored"),
            many => bail!("left before {many} messages were stored"),
        }
    }
}

/// The next update; none comes before there is a session.
async fn next(updates: &mut Option<Updates>) -> Option<Update> {
    match updates {
        Some(updates) => updates.next().await,
        None => pending().await,
    }
}

/// How long what is shown may be older than what is known: a sixtieth of a second.
const FRAME: Duration = Duration::from_micros(16_667);

/// The same for what the user does. The rest of the time is left to others.
const KEY_FRAME: Duration = Duration::from_millis(4);

/// However often somebody is called, the bell leaves that much silence.
const RING_EVERY: Duration = Duration::from_secs(1);

/// How many updates are taken before it is looked whether a key was pressed.
const MOST_AT_ONCE: usize = 64;

/// How long leaving may take. The client itself waits two seconds for answers.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
