//! Everything any transport has to do, in the clear and encrypted.

use std::sync::Arc;

use chat_cli::Pool;
use chat_secure::{Secured, StaticKey};
use chat_unix::Unix;

chat_testkit::conformance!(unix, Arc::new(Pool), |_| Unix, "unix:///tmp/chat-unix-{n}.sock");
chat_testkit::conformance!(
    secured_unix,
    Arc::new(Pool),
    |runtime| Secured::new(Unix, StaticKey::generate(&*runtime), runtime),
    "unix:///tmp/chat-unix-secured-{n}.sock"
);
