//! All checks of the suite, each with the rule of docs/transports.md or the clause of docs/protocol.md that a transport breaks
//! when it fails.

use futures::future::LocalBoxFuture;

use super::{Subject, clients, frames, life, refusals, requests, sessions, talk};

/// A check of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name, after the module it is in.
    pub name: &'static str,
    /// The rule of docs/transports.md, or the clauses of docs/protocol.md, that it holds a transport to.
    pub clause: &'static str,
    pub(super) run: for<'a> fn(&'a Subject) -> LocalBoxFuture<'a, ()>,
}

/// Gives the list of all checks to another macro, after what that one was given.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_checks {
    ($then:ident $given:tt) => {
        $crate::$then! { $given
            frames: [
                a_frame_arrives_whole: "rule 1",
                frames_may_be_as_small_as_an_object: "rule 1",
                frames_may_be_as_large_as_promised: "rule 4",
                frames_may_hold_every_byte: "rule 1",
                frames_need_not_be_text: "rule 1",
                frames_of_all_sizes_arrive_as_promised: "rule 3",
                frames_are_gathered_until_flushed: "rule 6",
                both_directions_work_at_once: "rule 7",
                links_do_not_mix: "rule 8",
                a_frame_over_the_limit_is_refused: "rule 4",
                a_peer_that_does_not_read_holds_the_sender_back: "rule 5",
            ]
            life: [
                it_carries_every_message_of_the_protocol: "rule 4",
                a_listener_says_where_it_listens: "rule 11",
                a_peer_has_an_address_and_a_host: "rule 16",
                closing_is_seen_as_the_end: "rule 9",
                dropping_is_seen_as_the_end: "rule 9",
                what_was_sent_before_closing_arrives: "rule 9",
                sending_to_nobody_ends: "rule 10",
                links_outlive_their_listener: "rule 12",
                a_dial_can_be_given_up: "rule 13",
                a_listener_outlives_peers_that_give_up: "rule 12",
                dialling_nobody_fails: "rule 14",
                a_taken_address_is_refused: "rule 11",
                a_bad_address_is_named: "rule 15",
                links_leave_no_task_behind: "rule 17",
            ]
            talk: [
                a_hello_is_welcomed: "protocol 2.2",
                a_sender_reads_its_ack_then_its_message: "protocol 7.1, 7.2",
                everyone_reads_the_same_order: "protocol 6.1, 5.8",
                a_late_joiner_reads_on_without_a_seam: "protocol 6.1, 6.3",
                a_join_brings_the_newest: "protocol 6.2",
                rooms_do_not_mix: "protocol 6.1",
                who_enters_and_who_leaves_is_told: "protocol 9.1",
            ]
            requests: [
                who_lists_the_members: "protocol 9.2",
                rooms_lists_the_rooms: "protocol 6.10",
                a_topic_is_an_entry_and_is_remembered: "protocol 7.4",
                history_gives_pages_backwards: "protocol 8.1",
                a_replay_sends_entries_again: "protocol 8.3",
                a_search_finds_words_anywhere: "protocol 8.7, 8.10",
                what_a_program_says_is_marked: "protocol 7.7, 5.5",
                a_tell_reaches_one_person: "protocol 10.1, 10.2",
                a_ping_is_answered: "protocol 5.1",
            ]
            sessions: [
                a_resumed_session_misses_and_repeats_nothing: "protocol 3.2, 3.5",
                a_resumed_session_never_left: "protocol 3.1, 9.5",
                the_newest_link_has_the_session: "protocol 3.4",
                a_request_sent_twice_is_stored_once: "protocol 5.4",
                an_id_used_for_something_else_is_a_conflict: "protocol 5.5",
                a_bye_ends_the_session: "protocol 12.1",
                a_server_that_stops_says_goodbye: "protocol 12.3",
            ]
            clients: [
                messages_are_stored_once_and_in_order: "protocol 5.4, 5.9, 6.1, 17.4",
                everybody_knows_who_is_there: "protocol 9.1, 9.3, 17.6",
                an_entry_of_a_later_kind_counts: "protocol 14.9",
            ]
            refusals: [
                an_unknown_type_is_unsupported: "protocol 5.2",
                a_broken_frame_ends_a_reliable_link: "protocol 12.2",
                the_first_frame_is_a_hello: "protocol 2.4, 2.5",
                another_protocol_is_refused: "protocol 2.6",
                a_wrong_password_is_refused: "protocol 2.7",
                names_are_checked: "protocol 4.1",
                a_session_is_not_taken_over: "protocol 2.10, 2.13",
                a_name_has_one_owner: "protocol 2.11, 4.2",
                texts_are_checked: "protocol 4.5",
                only_members_speak: "protocol 6.9, 9.4",
                nobody_is_told_of_nobody: "protocol 10.6",
                a_replay_has_a_limit: "protocol 8.4",
            ]
        }
    };
}

/// Makes the table of all checks from their list.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_table {
    ([] $($group:ident: [$($check:ident: $clause:literal,)*])*) => {
        &[$($(Check {
            name: concat!(stringify!($group), "::", stringify!($check)),
            clause: $clause,
            run: |subject| Box::pin($group::$check(subject)),
        }),*),*]
    };
}

/// All checks, those of links and listeners first.
pub const CHECKS: &[Check] = crate::conformance_checks! { conformance_table [] };
