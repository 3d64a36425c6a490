//! `chat tail`: prints a room from a number on, and follows it until interrupted.

use std::time::Instant;

use anyhow::bail;
use chat_core::{SharedRuntime, client::Update, transport::Transports, wire::Event};
use chat_front::{Conversation, Notice};
use futures::stream;
use jiff::Zoned;

use crate::{
    args::Tail,
    connector::connector,
    line::{
        human::Human,
        input::Typed,
        json::Json,
        session::{self, Flow, Frontend},
    },
    output::Output,
    settings::Settings,
};

/// Runs `chat tail`.
///
/// # Errors
/// When the server or the room cannot be joined, or joined again.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Tail,
    settings: &Settings,
) -> anyhow::Result<()> {
    let person = settings.person(args.person);
    let connector = connector(transports, runtime, args.server, &person)?.keep_trying();
    let rooms = [(args.room.as_str(), args.after)];
    let silence = |_: &mut Output| Ok(stream::pending());
    if args.json {
        session::run(connector, Follower(Json::default()), Output::plain(), &rooms, silence).await
    } else {
        let out = Output::coloured(settings.colours.value);
        session::run(connector, Follower(Human::new(&Zoned::now())), out, &rooms, silence).await
    }
}

/// A front end whose user says nothing, and has no use for a conversation without the room.
struct Follower<F>(F);

impl<F: Frontend> Frontend for Follower<F> {
    fn enter(&mut self, conversation: &mut Conversation, room: &str, after: Option<u64>) {
        self.0.enter(conversation, room, after);
    }

    fn typed(
        &mut self,
        typed: Typed,
        conversation: &mut Conversation,
        now: Instant,
        out: &mut Output,
    ) -> anyhow::Result<Flow> {
        self.0.typed(typed, conversation, now, out)
    }

    fn update(
        &mut self,
        update: Update,
        conversation: &mut Conversation,
        out: &mut Output,
    ) -> anyhow::Result<()> {
        match update {
            Update::Reply { reply: Event::Error(error), .. } => {
                bail!("cannot enter the room: {}", error.message)
            }
            other => self.0.update(other, conversation, out),
        }
    }

    fn tell(&mut self, notice: &Notice, out: &mut Output) -> anyhow::Result<()> {
        self.0.tell(notice, out)
    }
    fn refused(&self) -> usize {
        self.0.refused()
    }
}
