//! The transports of the workspace against the suite, and memory in weather, which keeps each combination of the two
//! promises: a lossless pipe, an ordered but lossy one, a reliable but unordered one, and one that is neither. All of them
//! again, encrypted.

use std::{sync::Arc, time::Duration};

use chat_core::{SharedRuntime, memory::Memory, transport::Transport};
use chat_secure::{Secured, StaticKey, Suite};
use chat_tcp::Tcp;
use chat_testkit::weather::{Weather, WeatherTransport};
use chat_udp::Udp;

use crate::runtime::runtime;

chat_testkit::conformance!(memory, runtime(), |_| Memory::default(), "memory://hall");
chat_testkit::conformance!(tcp, runtime(), Tcp::new, "tcp://127.0.0.1:0");
chat_testkit::conformance!(udp, runtime(), Udp::new, "udp://127.0.0.1:0");

chat_testkit::conformance!(ordered_but_lossy, runtime(), memory_in(LOSSY), "memory://hall");
chat_testkit::conformance!(reliable_but_unordered, runtime(), memory_in(UNORDERED), "memory://hall");
chat_testkit::conformance!(
    neither_ordered_nor_reliable,
    runtime(),
    memory_in(Weather { reorder: 10, hold: 5, ..LOSSY }),
    "memory://hall"
);

chat_testkit::conformance!(secured_memory, runtime(), secured(|_| Memory::default()), "memory://hall");
chat_testkit::conformance!(secured_tcp, runtime(), secured(Tcp::new), "tcp://127.0.0.1:0");
chat_testkit::conformance!(secured_udp, runtime(), secured(Udp::new), "udp://127.0.0.1:0");
chat_testkit::conformance!(secured_with_chacha, runtime(), with_chacha(Tcp::new), "tcp://127.0.0.1:0");

chat_testkit::conformance!(secured_and_lossy, runtime(), secured(memory_in(LOSSY)), "memory://hall");
chat_testkit::conformance!(secured_and_unordered, runtime(), secured(memory_in(UNORDERED)), "memory://hall");
chat_testkit::conformance!(
    secured_and_neither,
    runtime(),
    secured(memory_in(Weather { reorder: 10, hold: 5, ..LOSSY })),
    "memory://hall"
);

/// The transport that `make` makes, encrypted.
fn secured<T: Transport>(make: impl FnOnce(SharedRuntime) -> T) -> impl FnOnce(SharedRuntime) -> Secured<T> {
    move |runtime| {
        let key = StaticKey::generate(&*runtime);
        Secured::new(make(runtime.clone()), key, runtime)
    }
}

fn with_chacha<T: Transport>(
    make: impl FnOnce(SharedRuntime) -> T,
) -> impl FnOnce(SharedRuntime) -> Secured<T> {
    move |runtime| secured(make)(runtime).with_suite(Suite::ChaChaPoly)
}

fn memory_in(weather: Weather) -> impl FnOnce(SharedRuntime) -> WeatherTransport {
    move |runtime| WeatherTransport::new(Arc::new(Memory::default()), weather, SEED, runtime)
}

const LOSSY: Weather = Weather { loss: 10, duplicate: 5, ..CLEAR };
const UNORDERED: Weather = Weather { reorder: 20, hold: 5, ..CLEAR };
const CLEAR: Weather =
    Weather { loss: 0, duplicate: 0, reorder: 0, hold: 0, delay: Duration::ZERO, cut_after: 0 };
const SEED: u64 = 17;
