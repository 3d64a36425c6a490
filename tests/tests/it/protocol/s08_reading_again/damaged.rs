//! History of a room whose log has lost a stretch of entries.

use std::{ops::RangeInclusive, sync::Arc};

use chat_core::{
    RoomName,
    log::{Append, Appended, LogError, LogPage, MemoryLog, PageLimit, RoomLog, Snapshot, Tail, Write},
    server::Limits,
};
use chat_testkit::virtual_time::VirtualTime;
use futures::{FutureExt, future::BoxFuture};

use super::{super::TestServer, page};

/// A log in memory that cannot read some of its entries.
struct DamagedLog {
    log: MemoryLog,
    damaged: RangeInclusive<u64>,
}

impl RoomLog for DamagedLog {
    fn epoch(&self) -> String {
        self.log.epoch()
    }

    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        self.log.holds(room, epoch, seq)
    }

    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>> {
        self.log.subscribe()
    }

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        self.log.append(batch)
    }

    fn lookup(
        &self,
        batch: Vec<Append>,
    ) -> BoxFuture<'_, Result<Vec<Option<chat_core::log::Outcome>>, LogError>> {
        self.log.lookup(batch)
    }

    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>> {
        async move {
            // As a log on disk does: the limit counts the entries that can be read.
            let all =
                self.log.read(room, after, PageLimit { entries: usize::MAX, bytes: usize::MAX }).await?;
            let whole = all.entries.into_iter().filter(|entry| !self.damaged.contains(&entry.seq));
            let entries: Vec<_> = whole.take(limit.entries).collect();
            let cut = entries.len() == limit.entries;
            let through = entries.last().filter(|_| cut).map_or(all.through, |last| last.seq);
            Ok(LogPage { entries, through })
        }
        .boxed()
    }
}

/// protocol 8.1
#[test]
fn an_empty_page_means_that_nothing_older_is_held_also_across_a_damaged_stretch() {
    let time = VirtualTime::new(97);
    time.run(async {
        let log = DamagedLog { log: MemoryLog::new(1 << 24, 7), damaged: 31..=2900 };
        let server = TestServer::with(&time, Limits::default().unlimited(), Arc::new(log)).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=2950 {
            ana.say("lobby", &n.to_string()).await;
        }
        let (mut before, mut read) = (None, Vec::new());
        loop {
            let page = page(&mut ana, before, 20).await;
            let Some(first) = page.entries.first() else { break };
            before = Some(first.seq);
            assert!(page.entries.len() <= 20 && page.entries.is_sorted_by_key(|entry| entry.seq));
            read.extend(page.entries.iter().rev().map(|entry| entry.seq));
        }
        assert_eq!(read, (2901..=2950).rev().chain((1..=30).rev()).collect::<Vec<u64>>());
    });
}
