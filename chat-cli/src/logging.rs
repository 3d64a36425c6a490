//! The log: one record per line on standard error, whatever its values contain. A log that fails, or that nobody reads,
//! neither stops the program nor holds it up.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt,
    io::{self, Write as _},
    panic,
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, anyhow};
use chat_front::text::Sanitized;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{DefaultFields, Format, JsonFields, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{args::LogFormat, output::escape_unprintable};
use queue::Queue;

mod queue;

/// Starts the log at `default` level, unless RUST_LOG says otherwise.
///
/// # Errors
/// When RUST_LOG cannot be understood.
pub(crate) fn start(default: &'static str, format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        // Without its source, which repeats the message.
        Ok(directives) => {
            EnvFilter::try_new(directives).map_err(|why| anyhow!("cannot understand RUST_LOG: {why}"))?
        }
        Err(_) => EnvFilter::new(default),
    };
    // Whatever else is left out, records that did not fit are reported.
    let own = concat!(module_path!(), "=warn").parse().context("cannot start the log")?;
    let filter = filter.add_directive(own);
    let queue = Queue::to(io::stderr(), |dropped| {
        tracing::warn!(dropped, "the log was not read in time, so records of it are missing here");
    });
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Human => registry.with(human(queue.clone())).try_init(),
        LogFormat::Json => registry.with(json(queue.clone())).try_init(),
    };
    // A program that embeds this library may have a log of its own; that one stays.
    if started.is_ok() {
        let _ = QUEUE.set(queue);
    }
    Ok(())
}

/// Writes the panics of tasks to the log, which waits for no reader. The default is to print them.
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => tracing::error!(%backtrace, "{panicked}"),
            _ => tracing::error!("{panicked}"),
        }
    }));
}

/// Prints `line` on standard error, after the records of the log so far, and waits a moment until all are written.
pub(crate) fn say(line: &str) {
    match QUEUE.get() {
        Some(queue) => queue.push(format!("{line}\n").as_bytes()),
        None => drop(writeln!(io::stderr(), "{line}")),
    }
    flush();
}

/// Waits until the log is written, at most for a moment: nobody may be reading it.
pub(crate) fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(FLUSH_WITHIN);
    }
}

/// The queue of standard error, once the log has started.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// How long the end of the program waits for a log that is not read.
const FLUSH_WITHIN: Duration = Duration::from_millis(500);

fn human<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    let records = tracing_subscriber::fmt::format().with_ansi(false);
    to(writer).event_format(OneLine { records, clean: |record| Sanitized::line(record).to_string() })
}

fn json<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    let records = tracing_subscriber::fmt::format().json();
    to(writer).fmt_fields(JsonFields::new()).event_format(OneLine { records, clean: escape_unprintable })
}

/// Records that cannot be written are dropped: the alternative, `eprintln!`, panics if standard error fails.
fn to<S, W>(writer: W) -> tracing_subscriber::fmt::Layer<S, DefaultFields, Format, W>
where
    W: for<'a> MakeWriter<'a> + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).log_internal_errors(false);
    layer.with_writer(writer)
}

/// Formats records like `records`, then removes characters that could begin another record or act on a terminal.
struct OneLine<F> {
    records: F,
    clean: fn(&str) -> String,
}

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut record = String::new();
        self.records.format_event(context, Writer::new(&mut record), event)?;
        writeln!(writer, "{}", (self.clean)(record.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, record: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(record);
            Ok(record.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "ana\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[2J\u{9b}31m\u{202e}";

    /// What is logged of a hostile name in a field, in the message and in a span.
    fn logged<L: Layer<tracing_subscriber::Registry> + Send + Sync>(layer: impl FnOnce(Kept) -> L) -> String {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(layer(kept.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("session", name = HOSTILE).entered();
            tracing::info!(name = HOSTILE, debug = ?HOSTILE, "refused {HOSTILE}");
        });
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_record_is_one_line_for_people() {
        let log = logged(|kept| human(move || kept.clone()));
        assert!(log.ends_with('\n') && log.contains("forged"), "{log:?}");
        assert_eq!(log.trim_end_matches('\n').chars().filter(|c| c.is_control()).count(), 0, "{log:?}");
    }

    #[test]
    fn a_record_is_one_line_for_programs() {
        let log = logged(|kept| json(move || kept.clone()));
        assert_eq!(log.trim_end_matches('\n').chars().filter(|c| c.is_control()).count(), 0, "{log:?}");
        let record: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(record["fields"]["name"], HOSTILE);
    }
}
