//! The conformance suite: what a transport has to do before rooms, sessions and people can rely on it.
//!
//! One line runs all of it, each check a `#[test]` of its own:
//!
//! ```text
//! chat_testkit::conformance!(tcp, runtime(), Tcp::new(runtime()), "tcp://127.0.0.1:0");
//! ```
//!
//! A check that does not apply to what a transport promises looks for the weaker promise instead; none passes
//! without having looked. The links are checked first by themselves, then under a real server.

pub mod clients;
mod fixture;
pub mod frames;
pub mod life;
pub mod refusals;
pub mod requests;
pub mod sessions;
pub mod talk;
mod test_server;

use std::{
    fmt, process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Listening, Promises, Transport, Transports},
};
use futures::executor::block_on;

use crate::time::within;

/// Makes a module of tests that hold a transport to everything the suite knows.
///
/// `conformance!(module, runtime, transport, "scheme://address")`: the name of the module, a
/// [`SharedRuntime`], the transport, and the address to listen at. The two expressions are evaluated anew for every
/// check. An address in use elsewhere must not come twice: `{n}` in it becomes a number of the check's own.
#[macro_export]
macro_rules! conformance {
    ($module:ident, $runtime:expr, $transport:expr, $address:expr) => {
        mod $module {
            use super::*;

            $crate::conformance_tests! { [$runtime, $transport, $address]
                frames: [
                    a_frame_arrives_whole
                    frames_may_be_as_small_as_an_object
                    frames_may_be_as_large_as_promised
                    frames_may_hold_every_byte
                    frames_need_not_be_text
                    frames_of_all_sizes_arrive_as_promised
                    frames_are_gathered_until_flushed
                    both_directions_work_at_once
                    links_do_not_mix
                    a_frame_over_the_limit_is_refused
                    a_peer_that_does_not_read_holds_the_sender_back
                ]
                life: [
                    it_carries_every_message_of_the_protocol
                    a_listener_says_where_it_listens
                    a_peer_has_an_address_and_a_host
                    closing_is_seen_as_the_end
                    dropping_is_seen_as_the_end
                    what_was_sent_before_closing_arrives
                    sending_to_nobody_ends
                    links_outlive_their_listener
                    a_dial_can_be_given_up
                    dialling_nobody_fails
                    a_taken_address_is_refused
                    a_bad_address_is_named
                ]
                talk: [
                    a_hello_is_welcomed
                    a_sender_reads_its_ack_then_its_message
                    everyone_reads_the_same_order
                    a_late_joiner_reads_on_without_a_seam
                    a_join_brings_the_newest
                    rooms_do_not_mix
                    who_enters_and_who_leaves_is_told
                ]
                requests: [
                    who_lists_the_members
                    rooms_lists_the_rooms
                    a_topic_is_an_entry_and_is_remembered
                    history_gives_pages_backwards
                    a_replay_sends_entries_again
                    a_search_finds_words_anywhere
                    what_a_program_says_is_marked
                    a_tell_reaches_one_person
                    a_ping_is_answered
                ]
                sessions: [
                    a_resumed_session_misses_and_repeats_nothing
                    a_resumed_session_never_left
                    the_newest_link_has_the_session
                    a_request_sent_twice_is_stored_once
                    an_id_used_for_something_else_is_a_conflict
                    a_bye_ends_the_session
                    a_server_that_stops_says_goodbye
                ]
                clients: [
                    messages_are_stored_once_and_in_order
                    everybody_knows_who_is_there
                    an_entry_of_a_later_kind_counts
                ]
                refusals: [
                    an_unknown_type_is_unsupported
                    a_broken_frame_ends_a_reliable_link
                    the_first_frame_is_a_hello
                    another_protocol_is_refused
                    a_wrong_password_is_refused
                    names_are_checked
                    a_session_is_not_taken_over
                    a_name_has_one_owner
                    texts_are_checked
                    only_members_speak
                    nobody_is_told_of_nobody
                    a_replay_has_a_limit
                ]
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($given:tt $($group:ident: [$($check:ident)*])*) => {
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

/// Runs one check to its end.
///
/// # Panics
/// When the check fails or takes more than 20 seconds.
pub fn run(subject: &Subject, check: impl AsyncFnOnce(&Subject)) {
    block_on(within(&subject.runtime, DEADLINE, check(subject))).expect("the check hung");
}

/// What is held to the suite: a transport, where it may listen, and the world it runs in.
pub struct Subject {
    runtime: SharedRuntime,
    transports: Transports,
    transport: Arc<dyn Transport>,
    address: Address,
}

impl Subject {
    /// A transport that listens at `address`, in which `{n}` becomes a number of this subject's own.
    ///
    /// # Panics
    /// When that is no address, or the transport is one that no program would take.
    pub fn new(runtime: SharedRuntime, transport: impl Transport, address: &str) -> Subject {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = format!("{}{:03}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let address: Address =
            address.replace("{n}", &number).parse().expect("the suite is given an address");
        let transports = Transports::new().with(address.scheme(), transport);
        let transport = transports.get(&address).expect("a program would take this transport");
        Subject { runtime, transports, transport, address }
    }

    fn promises(&self) -> Promises {
        self.transport.promises()
    }

    async fn listen(&self) -> Listening {
        self.transport.listen(&self.address).await.expect("the transport listens at the address it was given")
    }

    async fn dial(&self, address: &Address) -> BoxLink {
        self.transport.dial(address).await.expect("a listener can be dialled at the address it gave")
    }

    async fn pause(&self, span: Duration) {
        self.runtime.sleep_until(self.runtime.now() + span).await;
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How long one check may take. All of them take well under a second where nothing hangs.
const DEADLINE: Duration = Duration::from_secs(20);
