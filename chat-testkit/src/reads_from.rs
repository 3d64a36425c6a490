//! A log for tests that is one of its own only in how it stores: everything else is passed on to the log behind it.

/// Within `impl RoomLog for …`: all but `append`, from the log in this field.
#[macro_export]
macro_rules! reads_from {
    // A log whose answers come late: `$gate` holds the tail back until they are there.
    ($log:ident, $gate:ident) => {
        fn subscribe(
            &self,
        ) -> ::futures::future::BoxFuture<
            '_,
            Result<(::chat_core::log::Snapshot, ::chat_core::log::Tail), ::chat_core::log::LogError>,
        > {
            let gate = self.$gate.clone();
            let subscribed = self.$log.subscribe();
            Box::pin(async move {
                let (snapshot, tail) = subscribed.await?;
                Ok((snapshot, gate.hold_back(tail)))
            })
        }

        $crate::reads_from!(@others $log);
    };
    ($log:ident) => {
        fn subscribe(
            &self,
        ) -> ::futures::future::BoxFuture<
            '_,
            Result<(::chat_core::log::Snapshot, ::chat_core::log::Tail), ::chat_core::log::LogError>,
        > {
            self.$log.subscribe()
        }

        $crate::reads_from!(@others $log);
    };
    (@others $log:ident) => {
        fn epoch(&self) -> String {
            self.$log.epoch()
        }

        fn holds(&self, room: &::chat_core::RoomName, epoch: &str, seq: u64) -> bool {
            self.$log.holds(room, epoch, seq)
        }

        fn rooms(
            &self,
        ) -> ::futures::future::BoxFuture<
            '_,
            Result<Vec<::chat_core::log::RoomState>, ::chat_core::log::LogError>,
        > {
            self.$log.rooms()
        }

        fn lookup(
            &self,
            batch: Vec<::chat_core::log::Append>,
        ) -> ::futures::future::BoxFuture<
            '_,
            Result<Vec<Option<::chat_core::log::Outcome>>, ::chat_core::log::LogError>,
        > {
            self.$log.lookup(batch)
        }

        fn read<'a>(
            &'a self,
            room: &'a ::chat_core::RoomName,
            after: u64,
            limit: ::chat_core::log::PageLimit,
        ) -> ::futures::future::BoxFuture<'a, Result<::chat_core::log::LogPage, ::chat_core::log::LogError>> {
            self.$log.read(room, after, limit)
        }

        fn search(
            &self,
            search: ::chat_core::log::Search,
        ) -> ::futures::future::BoxFuture<'_, Result<::chat_core::log::Found, ::chat_core::log::LogError>> {
            self.$log.search(search)
        }
    };
}
