//! Everything any transport has to do.

use std::sync::Arc;

use chat_cli::Pool;
use chat_unix::Unix;

chat_testkit::conformance!(unix, Arc::new(Pool), |_| Unix, "unix:///tmp/chat-unix-{n}.sock");
