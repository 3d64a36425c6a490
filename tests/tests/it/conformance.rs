//! The transports of the workspace against the suite.

use chat_core::memory::Memory;
use chat_tcp::Tcp;
use chat_udp::Udp;

use crate::runtime::runtime;

chat_testkit::conformance!(memory, runtime(), Memory::default(), "memory://hall");
chat_testkit::conformance!(tcp, runtime(), Tcp::new(runtime()), "tcp://127.0.0.1:0");
chat_testkit::conformance!(udp, runtime(), Udp::new(runtime()), "udp://127.0.0.1:0");
