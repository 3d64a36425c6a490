//! The conformance suite: what a transport has to do before rooms, sessions and people can rely on it.
//!
//! One line runs all of it, each check a `#[test]` of its own:
//!
//! ```text
//! chat_testkit::conformance!(tcp, runtime(), Tcp::new, "tcp://127.0.0.1:0");
//! ```
//!
//! [`verdict`] runs all of it as well, and returns what failed: each check with the rule of `docs/transports.md` or the clause
//! of `docs/protocol.md` that the transport breaks.
//!
//! A check that does not apply to what a transport promises looks for the weaker promise instead; none passes
//! without having looked. The links are checked first by themselves, then under a real server.

mod checks;
pub mod clients;
mod fixture;
pub mod frames;
pub mod life;
pub mod refusals;
pub mod requests;
mod rules;
pub mod sessions;
mod subject;
pub mod talk;
mod test_server;
mod verdict;

pub use checks::{CHECKS, Check};
pub use subject::{Subject, run};
pub use verdict::{Failure, Verdict, verdict, verdict_of};

/// Makes a module of tests that hold a transport to everything the suite knows.
///
/// `conformance!(module, runtime, transport, "scheme://address")`: the name of the module, a `SharedRuntime`, a function
/// that makes the transport for a runtime, and the address to listen at. All are evaluated anew for every check. The runtime
/// that the function is given is the same, but counts tasks. An address in use elsewhere must not come twice: `{n}` in it
/// becomes a number of the check's own.
#[macro_export]
macro_rules! conformance {
    ($module:ident, $runtime:expr, $transport:expr, $address:expr) => {
        mod $module {
            use super::*;

            $crate::conformance_checks! { conformance_tests [$runtime, $transport, $address] }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($given:tt $($group:ident: [$($check:ident $(: $clause:literal,)?)*])*) => {
        $($($crate::conformance_tests! { @one $given $group $check })*)*
    };
    (@one [$runtime:expr, $transport:expr, $address:expr] $group:ident $check:ident) => {
        #[test]
        fn $check() {
            let subject = $crate::conformance::Subject::new($runtime, $transport, $address);
            $crate::conformance::run(&subject, $crate::conformance::$group::$check);
        }
    };
}
