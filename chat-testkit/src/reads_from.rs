//! A log for tests that is one of its own only in how it stores: everything else is passed on to the log behind it.

/// Within `impl RoomLog for …`: all but `append`, from the log in this field.
#[macro_export]
macro_rules! reads_from {
    ($log:ident) => {
        fn epoch(&self) -> String {
            self.$log.epoch()
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
