//! The transports of the workspace against the suite.

use chat_core::memory::Memory;

use crate::world::runtime;

chat_tests::conformance!(memory, runtime(), Memory::default(), "memory://hall");
