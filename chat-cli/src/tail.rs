//! `chat tail`: prints a room from a number on, and follows it until interrupted.

use anyhow::bail;
use chat_core::{
    Address, SharedRuntime,
    client::{Stats, Update},
    transport::Transports,
    wire::Event,
};
use futures::stream;
use jiff::Zoned;

use crate::{
    args::Tail,
    join::talk,
    line::{Face, Step, human::Human, input::Typed, json::Json},
    output::Output,
    session::Door,
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
    let door = Door::new(transports, runtime, args.server, &settings.person(args.person))?.keep_trying();
    let rooms = [(args.room.as_str(), args.after)];
    let silence = |_: &mut Output| Ok(stream::pending());
    if args.json {
        talk(&door, Follower(Json::default()), Output::plain(), &rooms, silence).await
    } else {
        talk(
            &door,
            Follower(Human::new(&Zoned::now())),
            Output::coloured(settings.colours.value),
            &rooms,
            silence,
        )
        .await
    }
}

/// A face whose user says nothing, and for whom nothing is left if the room cannot be entered.
struct Follower<F>(F);

impl<F: Face> Face for Follower<F> {
    fn enter(&mut self, room: &str, after: Option<u64>) -> Step {
        self.0.enter(room, after)
    }

    fn typed(&mut self, typed: Typed, out: &mut Output) -> anyhow::Result<Step> {
        self.0.typed(typed, out)
    }

    fn show(&mut self, update: &Update, out: &mut Output) -> anyhow::Result<()> {
        match update {
            Update::Reply { reply: Event::Error(error), .. } => {
                bail!("cannot enter the room: {}", error.message)
            }
            other => self.0.show(other, out),
        }
    }

    fn measured(&mut self, stats: &Stats, server: &Address, out: &mut Output) -> anyhow::Result<()> {
        self.0.measured(stats, server, out)
    }
}
