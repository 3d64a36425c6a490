//! `chat verify`: checks that the history of a room is one that the server has signed, and that what the server signed at
//! an earlier check is still a part of it (protocol 8.12 to 8.16).

use anyhow::{Context, bail};
use chat_core::{
    RoomName, SharedRuntime,
    client::Update,
    log::{EntryHash, parts_of_epoch},
    transport::Transports,
    wire::{EntryFrame, Event, History, Join, Joined, MAX_HISTORY, Page, RequestBody, SignedHead},
};
use chat_front::text::{Line, Sanitized};
use chat_secure::is_signed;
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    args::Verify, connector::connector, output::Output, settings::Settings, short_session::ShortSession,
};

mod chain;
mod kept;

use kept::{Kept, KeptHeads};

/// Runs `chat verify`.
///
/// # Errors
/// When the room cannot be read, or its history is not the one that was signed.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Verify,
    settings: &Settings,
) -> anyhow::Result<()> {
    let (server, person) = (settings.server(args.server), settings.person(args.person));
    let connector = connector(transports, runtime, server, &person)?;
    let mut reader = Reader { talk: ShortSession::enter(&connector, FAILED).await?, room: args.room };
    let joined = reader.join().await?;
    let incarnation = parts_of_epoch(&joined.epoch).map_or(0, |(_, incarnation)| incarnation);
    let Some((newest, oldest)) = check_all(&mut reader).await? else {
        Output::plain().line(&Line::note("no messages to check in ").shown(&shown(&joined.room)))?;
        return Ok(());
    };
    let mut heads = KeptHeads::of_account();
    let earlier: Vec<SignedHead> =
        heads.of(newest.key, &joined.room, incarnation).filter(|head| head.seq >= oldest).cloned().collect();
    for head in &earlier {
        check_kept(&mut reader, head).await?;
    }
    reader.talk.leave().await;
    let mut out = Output::plain();
    out.line(
        &Line::note("messages ")
            .shown(&shown(&format!("{oldest} to {}", newest.seq)))
            .words(" of ")
            .shown(&shown(&joined.room))
            .words(" are one history, signed by the server"),
    )?;
    if let Some(head) = earlier.iter().max_by_key(|head| head.seq) {
        out.line(
            &Line::note("they contain what it signed on ")
                .shown(&shown(&day(head.at)))
                .words(", up to message ")
                .shown(&shown(&head.seq.to_string())),
        )?;
    }
    heads.keep(Kept { incarnation, head: newest }).context("the signature cannot be kept for the next check")
}

/// Checks the history from its newest entry to the oldest that can be read. Returns the newest one, signed, and the number
/// of the oldest; nothing if there is none.
async fn check_all(reader: &mut Reader) -> anyhow::Result<Option<(SignedHead, u64)>> {
    let (mut newest, mut oldest, mut before) = (None, 0, None);
    loop {
        let (entries, signed) = reader.page(before, MAX_HISTORY).await?;
        let (Some(first), Some(signed)) = (entries.first().map(|entry| entry.seq), signed) else { break };
        for run in entries.chunk_by(|one, next| one.seq + 1 == next.seq) {
            check_run(reader, run, &signed).await?;
        }
        newest.get_or_insert(signed);
        (oldest, before) = (first, Some(first));
    }
    Ok(newest.map(|newest| (newest, oldest)))
}

/// Checks entries without a gap between them. `signed` is the newest entry of the page that they are of.
async fn check_run(reader: &mut Reader, run: &[EntryFrame], signed: &SignedHead) -> anyhow::Result<()> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
    let end =
        if last.seq == signed.seq { signed.hash } else { reader.hash(last.seq).await?.unwrap_or_default() };
    let before = match first.seq {
        1 => Some(EntryHash::NONE),
        seq => reader.hash(seq - 1).await?,
    };
    let (start, rest) = match before {
        Some(before) => (before, run),
        // The entry before is gone, so that the first one that is left can only be the beginning.
        None => (reader.hash(first.seq).await?.unwrap_or_default(), &run[1..]),
    };
    if chain::end(start, rest) != end {
        bail!(
            "{FAILED}: the messages {} to {} do not have the hash that the server signed",
            first.seq,
            last.seq
        );
    }
    Ok(())
}

/// Checks that what was signed at an earlier check still stands there.
async fn check_kept(reader: &mut Reader, head: &SignedHead) -> anyhow::Result<()> {
    match reader.hash(head.seq).await? {
        Some(hash) if hash != head.hash => bail!(
            "the history of {} was changed: up to message {} it is not what the server signed on {}",
            shown(&head.room).as_str(),
            head.seq,
            day(head.at)
        ),
        // It was deleted, as old messages are.
        _ => Ok(()),
    }
}

/// Reads one room with hashes.
struct Reader {
    talk: ShortSession,
    room: RoomName,
}

impl Reader {
    async fn join(&mut self) -> anyhow::Result<Joined> {
        let join = Join { room: self.room.as_str().to_owned().into(), recent: Some(1), ..Join::default() };
        let asked = self.talk.send(RequestBody::Join(join)).await?;
        loop {
            match self.talk.next().await? {
                Update::Joined { tag: Some(tag), joined } if tag == asked => return Ok(joined),
                _ => {}
            }
        }
    }

    /// The newest entries below `before`, and the newest of them as the server has signed it.
    async fn page(
        &mut self,
        before: Option<u64>,
        limit: u64,
    ) -> anyhow::Result<(Vec<EntryFrame>, Option<SignedHead>)> {
        let room = self.room.as_str().to_owned();
        let history = History { room: room.into(), before, limit: Some(limit), hashes: true };
        let Event::Page(Page { entries, signed, .. }) = self.talk.ask(RequestBody::History(history)).await?
        else {
            bail!("{FAILED}: the server answers something else");
        };
        let Some(newest) = entries.last() else { return Ok((entries, None)) };
        let signed = signed.with_context(|| format!("{FAILED}: this server does not sign its history"))?;
        if signed.seq != newest.seq || signed.room != newest.room || !is_signed(&signed) {
            bail!("{FAILED}: the signature of message {} is wrong", newest.seq);
        }
        Ok((entries, Some(signed)))
    }

    /// The signed hash of entry `seq`; nothing if the entry is gone.
    async fn hash(&mut self, seq: u64) -> anyhow::Result<Option<EntryHash>> {
        let (_, signed) = self.page(Some(seq + 1), 1).await?;
        Ok(signed.filter(|signed| signed.seq == seq).map(|signed| signed.hash))
    }
}

fn shown(name: &str) -> Sanitized {
    Sanitized::line(name)
}

/// The day of a time in milliseconds since 1970, here.
fn day(at: u64) -> String {
    let time = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default();
    time.to_zoned(TimeZone::system()).date().to_string()
}

/// The beginning of the messages of failures.
const FAILED: &str = "not verified";
