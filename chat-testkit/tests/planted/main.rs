//! Transports with one planted fault each: the suite catches each by the name of a check and the rule that it breaks.
#![allow(clippy::unwrap_used)]

mod link;
mod transport;

use std::sync::Arc;

use chat_core::memory::Memory;
use chat_testkit::{
    conformance::{CHECKS, Check, Subject, Verdict, verdict, verdict_of},
    weather::{Weather, WeatherTransport},
};
use transport::{Fault, Faulty};

/// A test for each fault: the check that has to find it, and the rule of docs/transports.md that it breaks.
macro_rules! caught {
    ($($name:ident: $fault:ident, $check:literal, $rule:literal;)*) => {
        $(#[test] fn $name() { expect(Fault::$fault, $check, concat!("rule ", $rule)); })*
    };
}

caught! {
    a_lost_frame: LosesAFrame, "frames::frames_of_all_sizes_arrive_as_promised", 3;
    a_doubled_frame: DoublesAFrame, "frames::frames_of_all_sizes_arrive_as_promised", 3;
    two_frames_in_the_wrong_order: SwapsTwoFrames, "frames::frames_of_all_sizes_arrive_as_promised", 2;
    a_frame_in_two_parts: SplitsAFrame, "frames::frames_of_all_sizes_arrive_as_promised", 1;
    two_frames_in_one: GluesTwoFrames, "frames::frames_of_all_sizes_arrive_as_promised", 1;
    a_frame_without_its_end: TruncatesAFrame, "frames::frames_of_all_sizes_arrive_as_promised", 1;
    a_frame_that_nobody_sent: InventsAFrame, "frames::frames_of_all_sizes_arrive_as_promised", 1;
    a_changed_bit: FlipsABit, "frames::frames_of_all_sizes_arrive_as_promised", 1;
    white_space_that_is_gone: TrimsWhiteSpace, "frames::frames_may_hold_every_byte", 1;
    bytes_that_are_no_text: RepairsText, "frames::frames_need_not_be_text", 1;
    a_link_that_stalls: StallsAfterMany, "frames::frames_of_all_sizes_arrive_as_promised", 3;
    a_flush_that_does_nothing: NeverFlushes, "frames::frames_are_gathered_until_flushed", 6;
    one_direction_at_a_time: WaitsForTheOtherDirection, "frames::both_directions_work_at_once", 7;
    a_frame_on_another_link: MixesLinks, "frames::links_do_not_mix", 8;
    a_full_peer_that_is_ignored: IgnoresAFullPeer, "frames::a_peer_that_does_not_read_holds_the_sender_back", 5;
    a_frame_over_the_limit: AcceptsOversize, "frames::a_frame_over_the_limit_is_refused", 4;
    a_limit_that_is_not_named: HidesTheLimit, "frames::a_frame_over_the_limit_is_refused", 4;
    the_largest_frame_refused: RefusesTheLargest, "frames::frames_may_be_as_large_as_promised", 4;
    larger_frames_than_it_carries: PromisesTooLargeFrames, "frames::frames_may_be_as_large_as_promised", 4;
    smaller_frames_than_the_protocol_has: PromisesTooSmallFrames, "life::it_carries_every_message_of_the_protocol", 4;
    order_that_is_only_promised: PromisesOrder, "frames::frames_of_all_sizes_arrive_as_promised", 2;
    delivery_that_is_only_promised: PromisesDelivery, "frames::frames_of_all_sizes_arrive_as_promised", 3;
    a_last_frame_lost_by_closing: DropsTheLastFrame, "life::what_was_sent_before_closing_arrives", 9;
    a_close_that_does_nothing: IgnoresClose, "life::closing_is_seen_as_the_end", 9;
    a_link_that_outlives_its_drop: OutlivesItsDrop, "life::dropping_is_seen_as_the_end", 9;
    errors_that_are_swallowed: SwallowsErrors, "life::sending_to_nobody_ends", 10;
    an_address_that_nobody_can_dial: GivesAWrongAddress, "life::a_listener_says_where_it_listens", 11;
    two_listeners_at_one_address: SharesAnAddress, "life::a_taken_address_is_refused", 11;
    a_listener_that_ends: EndsWithAPeerThatGaveUp, "life::a_listener_outlives_peers_that_give_up", 12;
    links_that_end_with_their_listener: EndsLinksWithTheListener, "life::links_outlive_their_listener", 12;
    a_dial_before_its_time: DialsBeforeItIsPolled, "life::a_dial_can_be_given_up", 13;
    a_link_to_nobody: DialsNobody, "life::dialling_nobody_fails", 14;
    an_error_without_an_address: HidesAddresses, "life::a_bad_address_is_named", 15;
    one_address_for_all_peers: GivesPeersOneAddress, "life::a_peer_has_an_address_and_a_host", 16;
    a_host_for_each_link: GivesEachLinkAHost, "life::a_peer_has_an_address_and_a_host", 16;
    peers_without_a_host: HidesHosts, "life::a_peer_has_an_address_and_a_host", 16;
    a_task_that_is_left: LeavesATask, "life::links_leave_no_task_behind", 17;
}

/// Lossy links may lose frames and nothing else: what they invent or change is caught as well.
#[test]
fn faults_of_lossy_links() {
    for (fault, check) in [
        (Fault::SplitsAFrame, "frames::frames_of_all_sizes_arrive_as_promised"),
        (Fault::GluesTwoFrames, "frames::frames_of_all_sizes_arrive_as_promised"),
        (Fault::InventsAFrame, "frames::frames_of_all_sizes_arrive_as_promised"),
        (Fault::TrimsWhiteSpace, "frames::frames_may_hold_every_byte"),
    ] {
        let found = verdict_of(checks_of_links(), || {
            let make = |runtime: chat_core::SharedRuntime| {
                let weather = Weather { loss: 5, duplicate: 5, reorder: 10, ..Weather::default() };
                let lossy = WeatherTransport::new(Arc::new(Memory::default()), weather, 1, runtime.clone());
                Faulty::new(Arc::new(lossy), fault, runtime)
            };
            Subject::in_virtual_time(1, make, "memory://hall")
        });
        names(&found, fault, check, "rule 1");
    }
}

/// All checks pass over the same transport without a fault, and the verdict says so.
#[test]
fn a_transport_without_a_fault() {
    let found = verdict(|| subject(Fault::None));
    assert_eq!(found.to_string(), format!("{} checks passed, 0 failed", CHECKS.len()));
    assert!(found.is_clean());
}

fn expect(fault: Fault, check: &str, rule: &str) {
    let found = verdict_of(checks_of_links(), || subject(fault));
    names(&found, fault, check, rule);
}

#[track_caller]
fn names(found: &Verdict, fault: Fault, check: &str, rule: &str) {
    let is_named = found.failures.iter().any(|failure| failure.check == check && failure.clause == rule);
    assert!(is_named, "{fault:?} breaks {rule}, which {check} has to find; what was found is:\n{found}");
}

/// The checks of links and listeners, without those of sessions above them.
fn checks_of_links() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().filter(|check| check.clause.starts_with("rule "))
}

fn subject(fault: Fault) -> Subject {
    let make = |runtime: chat_core::SharedRuntime| {
        let memory = Arc::new(Memory::default());
        match fault {
            Fault::PromisesOrder => {
                let weather = Weather { reorder: 10, ..Weather::default() };
                Faulty::new(
                    Arc::new(WeatherTransport::new(memory, weather, 2, runtime.clone())),
                    fault,
                    runtime,
                )
            }
            Fault::PromisesDelivery => {
                let weather = Weather { loss: 1, ..Weather::default() };
                Faulty::new(
                    Arc::new(WeatherTransport::new(memory, weather, 2, runtime.clone())),
                    fault,
                    runtime,
                )
            }
            _ => Faulty::new(memory, fault, runtime),
        }
    };
    Subject::in_virtual_time(1, make, "memory://hall")
}
