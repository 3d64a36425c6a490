//! Without repair: what comes is shown as it comes, and only what opens sessions and rooms is said again.

use super::*;

fn raw() -> Rig {
    let mut rig = Rig::new(1, true);
    rig.link_up(Duration::ZERO, false);
    rig.enter(0);
    rig
}

/// protocol 17.1
#[test]
fn only_hello_join_and_leave_are_said_again() {
    let mut rig = Rig::new(1, true);
    rig.dial();
    assert_eq!(rig.watch(SECOND).len(), 4, "hello after 250 ms, thrice");
    rig.hear(&welcome(false));
    let leave = RequestBody::from(chat_core::wire::Leave { room: "kitchen".into() });
    rig.client.ask(join("lobby"), 0);
    rig.client.ask(leave, 1);
    rig.client.ask(say("kitchen", "hi"), 2);
    rig.client.ask(rooms(), 3);
    let said = rig.watch(ms(700));
    let count = |word: &str| said.iter().filter(|it| it.1.contains(word)).count();
    assert_eq!((count("join"), count("leave"), count("rooms")), (3, 3, 1), "{said:?}");
    assert_eq!(rig.client.stats().retries, 4);
}

/// protocol 17.1
#[test]
fn what_is_not_answered_in_two_seconds_is_given_up_and_said_so() {
    let mut rig = raw();
    rig.client.ask(say("lobby", "hi"), 8);
    rig.client.ask(rooms(), 9);
    let said = rig.watch(SECOND * 2 - Duration::from_nanos(1));
    assert_eq!(said.iter().filter(|it| !it.1.contains("ping")).count(), 2, "{said:?}");
    assert_eq!(rig.updates(), []);
    rig.watch(Duration::from_nanos(1));
    assert_eq!(rig.updates(), [Update::Unanswered { tag: 8 }, Update::Unanswered { tag: 9 }]);
    assert_eq!(rig.client.unanswered(), 1, "a ping");
    rig.hear(&ack(request(&said[0].1).id.unwrap()));
    assert_eq!(rig.updates(), [], "too late");
}

#[test]
fn entries_are_shown_as_they_come_and_counted() {
    let mut rig = raw();
    rig.entries([1, 1, 3, 6, 5, 5, 2]);
    assert_eq!(rig.numbers(), [1, 1, 3, 6, 5, 5, 2]);
    assert_eq!(rig.watch(ms(900)), [], "nothing is asked for");
    let stats = rig.client.stats();
    assert_eq!((stats.lost, stats.duplicates, stats.reordered, stats.repaired), (1, 2, 2, 0));
    rig.hear(&heads("lobby", "e", 20, 20));
    rig.hear(&heads("lobby", "other", 20, 20));
    assert_eq!(rig.watch(ms(900)), [], "not even when it is told");
    assert_eq!(rig.client.stats(), stats);
}
