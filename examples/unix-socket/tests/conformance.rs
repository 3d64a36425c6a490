//! Everything any transport has to do.

use std::sync::Arc;

use chat_cli::AsyncStd;
use chat_unix::Unix;

chat_tests::conformance!(unix, Arc::new(AsyncStd), Unix, "unix:///tmp/chat-unix-{n}.sock");
