//! `chat export`: writes down a room from its beginning to where it stands, and leaves.

use anyhow::{Context, bail};
use chat_core::{
    SharedRuntime,
    client::Update,
    transport::Transports,
    wire::{EntryFrame, Gap, Join, RequestBody},
};
use futures::{FutureExt, select_biased};
use jiff::{Zoned, tz::TimeZone};

use crate::{
    args::{Export, Format},
    connector::connector,
    settings::Settings,
    short_session::ShortSession,
    signals::Signals,
};

mod html;
mod lines;

use crate::output_file::OutputFile;

/// How an export is written.
trait Form {
    /// What stands before everything else.
    fn begin(&mut self) -> String {
        String::new()
    }

    /// One entry.
    fn entry(&mut self, entry: &EntryFrame) -> String;

    /// Numbers that are gone.
    fn gap(&mut self, gap: &Gap) -> String;

    /// What stands after everything else.
    fn end(&mut self) -> String {
        String::new()
    }
}

/// Runs `chat export`.
///
/// # Errors
/// When the room cannot be read to its end, or what is read cannot be written.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Export,
    settings: &Settings,
) -> anyhow::Result<()> {
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let mut exporting = Box::pin(export(transports, runtime, args, settings).fuse());
    select_biased! {
        () = signals.shutdown_requested() => bail!("{FAILED}: interrupted"), // and a file that was begun goes
        done = exporting => done,
    }
}

async fn export(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Export,
    settings: &Settings,
) -> anyhow::Result<()> {
    let (server, person) = (settings.server(args.server), settings.person(args.person));
    let connector = connector(transports, runtime, server, &person)?;
    let mut talk = ShortSession::enter(&connector, FAILED).await?;
    let mut target = OutputFile::open(args.output.as_deref())?;
    let zone = TimeZone::system();
    let mut form: Box<dyn Form> = match args.format {
        Format::Jsonl => Box::new(lines::Json),
        Format::Text => Box::new(lines::Text::new(zone)),
        Format::Html => Box::new(html::Html::new(args.room.as_str(), Zoned::now())),
    };
    target.write(&form.begin())?;
    let room = args.room.as_str().to_owned();
    talk.send(RequestBody::Join(Join { room: room.into(), after: Some(0), ..Join::default() })).await?;
    let mut head = None;
    let mut read = 0;
    while head.is_none_or(|head| read < head) {
        match talk.next().await? {
            // Later ones come with a new connection.
            Update::Joined { tag: Some(_), joined } => head = Some(joined.head),
            Update::Entry(entry) if is_room(&args.room, &entry.room) => {
                read = entry.seq;
                if head.is_some_and(|head| read <= head) && args.since.is_none_or(|since| since <= entry.at) {
                    target.write(&form.entry(&entry))?;
                }
            }
            Update::Gap(gap) if is_room(&args.room, &gap.room) => {
                read = gap.to;
                let to = head.map_or(gap.to, |head| gap.to.min(head));
                target.write(&form.gap(&Gap { to, ..gap }))?;
            }
            Update::Reset { .. } => bail!("{FAILED}: the room began anew meanwhile"),
            _ => {}
        }
    }
    target.write(&form.end())?;
    target.finish()?;
    talk.leave().await;
    Ok(())
}

fn is_room(room: &chat_core::RoomName, name: &str) -> bool {
    chat_core::RoomName::parse(name).is_ok_and(|name| name == *room)
}

const FAILED: &str = "not exported";

#[cfg(test)]
mod tests;
