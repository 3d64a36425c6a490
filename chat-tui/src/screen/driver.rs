//! The event loop of the screen: keys, the conversation and the clock. Keys come first, and during a flood of messages
//! the screen is drawn once per [`FRAME`].

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chat_front::{Connection, Connector, Conversation, Notice, connection::ConnectionEvent, text::Line};
use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEventKind};
use futures::{
    FutureExt, StreamExt,
    future::pending,
    select_biased,
    stream::{BoxStream, Fuse},
};
use jiff::tz::TimeZone;

use super::{
    app::{App, Effect},
    draw,
    terminal::Terminal,
    theme::Theme,
};
use crate::{
    edit::{self, Key, Way},
    input::{self, Input},
};

/// What a screen is told before it begins.
pub struct Options<'a> {
    /// Whether to use colours.
    pub colours: bool,
    /// Whether to ring for messages that mention the user.
    pub rings: bool,
    /// A line that was printed before and that the screen covers; it is shown again.
    pub told: Option<Line>,
    /// Completes when the program is asked to end.
    pub shutdown: BoxStream<'static, ()>,
    /// Called when the user leaves, with whether a session is open. Returns a warning to show first, if there is one.
    pub warning: Box<dyn FnMut(bool) -> Option<Line> + 'a>,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("colours", &self.colours).finish_non_exhaustive()
    }
}

/// Takes the terminal over, opens a session by `connector` and talks in `rooms` until the user leaves.
///
/// # Errors
/// When the server cannot be joined or ends the session for good, the terminal is gone, or a message stays unanswered.
pub async fn run(connector: Connector, rooms: &[&str], options: Options<'_>) -> anyhow::Result<()> {
    let theme = Theme { colours: options.colours };
    let conversation = Conversation::new(connector.server().clone()).encrypted(connector.is_encrypted());
    let mut app = App::new(conversation, rooms, theme, TimeZone::system());
    options.told.into_iter().for_each(|line| app.note(line));
    let mut driver = Driver {
        drawn: connector.runtime().now(),
        app,
        connection: Connection::open(connector),
        shutdown: options.shutdown.fuse(),
        warning: options.warning,
        due: None,
        rings: options.rings,
        rang: None,
    };
    let ended = driver.converse().await;
    // Dropping the terminal gave it back: everything said from here on is printed.
    let left = driver.leave().await;
    ended.and(left)
}

struct Driver<'a> {
    app: App,
    connection: Connection,
    shutdown: Fuse<BoxStream<'static, ()>>,
    warning: Box<dyn FnMut(bool) -> Option<Line> + 'a>,
    /// When to draw what has changed since the screen was drawn.
    due: Option<Instant>,
    drawn: Instant,
    /// Whether to ring at all, and when that was.
    rings: bool,
    rang: Option<Instant>,
}

/// Why the driver woke.
enum Woken {
    Input(Option<Input>),
    ConnectionEvent(anyhow::Result<ConnectionEvent>),
    Time,
}

impl Driver<'_> {
    async fn converse(&mut self) -> anyhow::Result<()> {
        let mut terminal = Terminal::take().context("cannot use the terminal")?;
        let mut inputs = input::inputs().context("cannot read the terminal")?.fuse();
        self.draw(&mut terminal)?; // before anything has come
        loop {
            let now = self.now();
            if self.due.is_some_and(|due| due <= now) {
                self.draw(&mut terminal)?;
            }
            let timeout = self.app.poll_timeout(now).into_iter().chain(self.due).min();
            let mut timeout = match timeout {
                Some(at) => self.connection.connector().runtime().sleep_until(at).fuse(),
                None => pending().boxed().fuse(),
            };
            let woken = {
                let happens = self.connection.next(&mut self.app.conversation).fuse();
                let mut happens = std::pin::pin!(happens);
                // In this order: the user, then requests, then updates.
                select_biased! {
                    _ = self.shutdown.next() => return Ok(()),
                    input = inputs.next() => Woken::Input(input),
                    happened = happens => Woken::ConnectionEvent(happened),
                    () = timeout => Woken::Time,
                }
            };
            match woken {
                Woken::Input(None) => return Ok(()), // the terminal was closed
                Woken::Input(Some(Input::Event(event))) => self.on_event(event),
                Woken::Input(Some(Input::Suspend)) => terminal.suspend().context("cannot stop")?,
                Woken::Input(Some(Input::Resume)) => {
                    terminal.retake().context("the terminal is gone")?;
                    self.draw(&mut terminal)?;
                }
                Woken::ConnectionEvent(happened) => {
                    self.happened(happened?);
                    self.happened_already()?;
                }
                Woken::Time => {
                    let now = self.now();
                    self.app.on_timeout(now);
                    self.draw_within(FRAME);
                }
            }
            for effect in self.app.take_effects() {
                self.draw_within(FRAME);
                match effect {
                    Effect::Redraw => terminal.forget().context("the terminal is gone")?,
                    Effect::Quit => match (self.warning)(self.connection.is_open()) {
                        Some(line) => self.app.note(line),
                        None => return Ok(()),
                    },
                }
            }
        }
    }

    fn now(&self) -> Instant {
        self.connection.connector().runtime().now()
    }

    /// Schedules a redraw at most `frame` after the last one.
    fn draw_within(&mut self, frame: Duration) {
        let due = self.drawn + frame;
        self.due = Some(self.due.map_or(due, |already| already.min(due)));
    }

    fn draw(&mut self, terminal: &mut Terminal) -> anyhow::Result<()> {
        let now = self.now();
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
        (self.due, self.drawn) = (None, self.now());
        Ok(())
    }

    fn on_event(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Key(event) if event.kind != KeyEventKind::Release => {
                let Some(key) = edit::meaning(event) else { return };
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
            // The next frame asks for the size.
            Event::Resize(..) => {}
            Event::Key(_) => return,
        }
        self.draw_within(KEY_FRAME);
    }

    fn happened(&mut self, happened: ConnectionEvent) {
        let now = self.now();
        match happened {
            ConnectionEvent::Update(update) => self.app.on_update(update, now),
            ConnectionEvent::Opened(welcome) => self.app.opened(welcome, now),
            ConnectionEvent::Renamed(welcome) => self.app.renamed(&welcome, now),
            ConnectionEvent::NotRenamed(why) => {
                let notice = self.app.conversation.not_renamed(why);
                self.app.tell(&notice);
            }
            ConnectionEvent::NotMoved(why) => self.app.tell(&Notice::CannotGoOn { why }),
        }
        self.draw_within(FRAME);
    }

    /// Takes the events that are ready, so that one frame shows them all.
    fn happened_already(&mut self) -> anyhow::Result<()> {
        for _ in 0..MOST_AT_ONCE {
            let Some(happened) = self.connection.next(&mut self.app.conversation).now_or_never() else {
                break;
            };
            self.happened(happened?);
        }
        Ok(())
    }

    /// Sends the rest and says goodbye, also when the terminal was closed: a session that does not end keeps its name. A
    /// second signal ends the process on the spot.
    async fn leave(self) -> anyhow::Result<()> {
        let Driver { mut app, connection, .. } = self;
        let runtime = connection.connector().runtime().clone();
        let unsent = app.conversation.take_unsent();
        connection.leave(unsent, |update| app.on_update(update, runtime.now())).await;
        match app.conversation.unsaid() {
            0 => Ok(()),
            1 => bail!("left before 1 message was stored"),
            many => bail!("left before {many} messages were stored"),
        }
    }
}

/// The longest delay before a change is drawn: a sixtieth of a second.
const FRAME: Duration = Duration::from_micros(16_667);

/// The longest delay before the user's own input is drawn.
const KEY_FRAME: Duration = Duration::from_millis(4);

/// The bell rings at most once in this time, however often the user is called.
const RING_EVERY: Duration = Duration::from_secs(1);

/// Updates taken in a row before keys have their turn again.
const MOST_AT_ONCE: usize = 64;
