//! The conformance suite for logs: what a [`RoomLog`] has to do before a server can rely on it.
//!
//! One line runs all of it, each check a `#[test]` of its own:
//!
//! ```text
//! chat_testkit::log_conformance!(memory, InMemory::default());
//! ```
//!
//! A check that asks for more than a log promises looks for the weaker promise instead; none passes without having
//! looked.

mod fixture;
pub mod gone;
mod model;
pub mod numbers;
pub mod pages;
pub mod past;
pub mod people;
pub mod requests;
pub mod searches;
pub mod tail;

use std::{fmt, sync::mpsc, thread, time::Duration};

use chat_core::log::RoomLog;
use futures::executor::block_on;

/// Makes a module of tests that hold a log to everything the suite knows.
///
/// `log_conformance!(module, medium)`: the name of the module, and an expression that makes a new and empty
/// [`Medium`] for every check.
#[macro_export]
macro_rules! log_conformance {
    ($module:ident, $medium:expr) => {
        mod $module {
            use super::*;

            $crate::log_conformance_tests! { $medium;
                numbers: [
                    numbers_begin_at_one_and_have_no_holes
                    everything_of_an_entry_comes_back
                    time_never_runs_backwards_in_a_room
                    a_time_that_a_wrong_clock_has_left_is_not_followed
                    a_room_is_the_same_however_it_is_written
                    topics_are_entries_and_the_newest_is_remembered
                    what_a_program_said_stays_marked
                    rooms_are_those_that_have_entries
                    an_epoch_is_a_name_for_the_run
                    a_batch_is_seen_whole_or_not_at_all
                ]
                requests: [
                    a_request_is_stored_once
                    other_content_is_a_conflict
                    clients_do_not_mix
                    who_asks_again_keeps_what_stands
                    looking_up_says_what_is_known_and_stores_nothing
                    the_same_request_at_once_is_stored_once
                ]
                pages: [
                    pages_keep_to_their_limit_but_bring_something
                    a_page_says_how_far_it_goes
                    a_room_never_heard_of_is_empty
                    pages_follow_each_other_without_a_seam
                ]
                searches: [
                    words_are_found_newest_first_over_all_rooms
                    a_search_is_narrowed_by_room_person_and_time
                    nothing_is_missed_and_nothing_else_is_found
                    what_is_held_is_found_also_in_another_run
                ]
                tail: [
                    the_tail_says_what_was_stored_in_order
                    an_answer_is_there_before_the_tail_has_its_commit
                    a_subscription_begins_exactly_where_its_snapshot_ends
                    two_writers_see_one_order_without_holes
                    records_and_entries_are_in_one_order
                    a_record_that_does_not_fit_is_refused
                    a_trimmed_room_keeps_its_head
                    a_room_that_is_made_again_is_another_room
                    every_hash_covers_the_entry_before
                ]
                gone: [
                    the_oldest_go_first_and_the_head_stays
                    what_is_gone_is_told
                    a_request_is_forgotten_with_its_entry
                ]
                past: [
                    what_was_stored_is_there_again
                    numbers_and_times_go_on
                    requests_are_known_again
                    every_run_has_an_epoch_of_its_own
                    a_reader_from_an_earlier_run_goes_on
                    what_is_gone_stays_gone
                    a_life_is_as_the_model_says
                    what_was_forgotten_stays_forgotten
                    positions_and_hashes_go_on
                ]
                people: [
                    people_are_as_the_records_say_in_every_run
                    a_name_that_two_servers_claim_has_one_owner
                    a_record_that_does_not_fit_the_people_changes_nothing
                ]
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! log_conformance_tests {
    ($medium:expr; $($group:ident: [$($check:ident)*])*) => {
        $($(
            #[test]
            fn $check() {
                $crate::log_conformance::run($medium, async |medium| {
                    $crate::log_conformance::$group::$check(medium).await;
                });
            }
        )*)*
    };
}

/// Where a log is kept, and how it is opened there.
pub trait Medium: Send + 'static {
    /// Opens the log there, again if it was opened before. Only one is open at a time.
    ///
    /// With `keep` the log lets its oldest entries go when a room, or all of them together, are larger than about this
    /// many bytes.
    fn open(&self, keep: Option<u64>) -> Box<dyn RoomLog>;

    /// Whether what was stored is there when the log is opened again.
    fn is_durable(&self) -> bool;
}

impl fmt::Debug for dyn Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Medium").field("is_durable", &self.is_durable()).finish()
    }
}

/// Runs one check to its end.
///
/// # Panics
/// When the check fails or takes more than a minute.
pub fn run(medium: impl Medium, check: impl AsyncFnOnce(&dyn Medium) + Send + 'static) {
    let (done, ended) = mpsc::sync_channel(1);
    let thread = thread::spawn(move || {
        block_on(check(&medium));
        drop(medium);
        let _ = done.send(());
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(DEADLINE) {
        panic!("the check hung");
    }
    if let Err(why) = thread.join() {
        std::panic::resume_unwind(why);
    }
}

/// How long one check may take. All of them take a few seconds on a slow disk.
const DEADLINE: Duration = Duration::from_secs(60);
