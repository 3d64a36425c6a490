//! Where the rooms stand: said at fixed times after something was sent, and after every pong.

use super::*;

/// When heads came, and what they said: the rooms and their heads.
fn heads(heard: Vec<(u64, Event)>) -> Vec<(u64, Vec<(String, u64)>)> {
    let heads = |(at, it)| match it {
        Event::Heads(it) => Some((at, it.rooms.into_iter().map(|(room, it)| (room, it.head)).collect())),
        _ => None,
    };
    heard.into_iter().filter_map(heads).collect()
}

fn times(heard: Vec<(u64, Event)>) -> Vec<u64> {
    heads(heard).into_iter().map(|(at, _)| at).collect()
}

/// Where nothing was lost.
const TIMES: [u64; 5] = [50, 200, 800, 3200, 12_800];
/// Where something was.
const CAREFUL: [u64; 9] = [50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800];

/// protocol 17.6
#[test]
fn heads_come_five_times_after_the_last_entry_and_only_for_its_room() {
    let time = VirtualTime::new(31);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        ana.ask(&join(2, "kitchen", 0)).await;
        assert_eq!(ana.watch(ms(20_000)).await, [], "nothing was sent, so nothing was lost");
        ana.say(&say(3, "hi")).await;
        let heard = heads(ana.watch(ms(20_000)).await);
        let wanted: Vec<_> = TIMES.iter().map(|it| (*it, vec![("lobby".to_owned(), 1)])).collect();
        assert_eq!(heard, wanted);
        ana.say(&say(4, "hi")).await;
        let early = times(ana.watch(ms(849)).await);
        ana.say(&say(5, "hi")).await;
        let rest = times(ana.watch(ms(20_000)).await);
        assert_eq!((early, rest), (vec![50, 200, 800], TIMES.to_vec()), "each entry begins anew");
    });
}

/// protocol 17.6
#[test]
fn heads_come_more_often_for_a_minute_to_who_has_asked_for_what_it_lacked() {
    let time = VirtualTime::new(36);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        ana.say(&say(3, "hi")).await;
        ana.watch(ms(20_000)).await;
        ana.ask(&replay(4, "lobby", 1, 1)).await;
        let mut bob = Peer::in_the_lobby(&server, "bob", 2).await;
        ana.watch(ms(20_000)).await;
        bob.watch(ms(1)).await;
        ana.say(&say(5, "hi")).await;
        assert_eq!(times(ana.watch(ms(20_000)).await), CAREFUL);
        let heard = bob.watch(ms(1)).await;
        assert_eq!(times(heard).len(), TIMES.len(), "it is a matter of each link");
        ana.ask(&ping(6)).await; // or its link would be taken for dead
        ana.watch(ms(20_000)).await;
        ana.say(&say(7, "hi")).await;
        assert_eq!(times(ana.watch(ms(15_000)).await), TIMES, "a minute is over");
    });
}

/// protocol 17.6
#[test]
fn a_busy_room_does_not_keep_the_heads_of_another_back() {
    let time = VirtualTime::new(32);
    time.run(async {
        let server = open(&time, unlimited()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        ana.ask(&join(2, "kitchen", 0)).await;
        ana.say(&say(3, "hi").replace("lobby", "kitchen")).await;
        let mut kitchen = Vec::new();
        for id in 0..1400 {
            ana.say(&say(100 + id, "busy")).await;
            let heard = heads(ana.watch(ms(10)).await);
            assert!(heard.iter().all(|(_, rooms)| rooms.iter().all(|it| it.0 == "kitchen")), "{heard:?}");
            kitchen.extend(heard.into_iter().map(|(at, _)| id * 10 + at));
        }
        assert_eq!(kitchen, TIMES);
    });
}

/// protocol 17.6
#[test]
fn heads_tell_of_changes_of_members_and_of_the_inbox() {
    let time = VirtualTime::new(33);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        let mut bob = Peer::in_the_lobby(&server, "bob", 2).await;
        let heard = ana.watch(ms(60)).await;
        let [(0, Event::Presence(told)), (50, Event::Heads(heads_of))] = &heard[..] else {
            panic!("{heard:?}")
        };
        assert_eq!((heads_of.rooms["lobby"].presence, heads_of.rooms["lobby"].head), (told.version, 0));
        ana.watch(ms(20_000)).await;
        bob.ask(r#"{"type":"tell","id":7,"to":"ana","text":"psst"}"#).await;
        let heard = heads(ana.watch(ms(20_000)).await);
        let wanted: Vec<_> = TIMES.iter().map(|it| (*it, vec![("@".to_owned(), 1)])).collect();
        assert_eq!(heard, wanted);
    });
}

/// protocol 17.6
#[test]
fn after_a_pong_come_the_heads_of_all_rooms_eight_a_frame() {
    let time = VirtualTime::new(34);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        for id in 0..20 {
            ana.ask(&join(id, &format!("r{id:02}"), 0)).await;
        }
        ana.ask(&say(99, "hi").replace("lobby", "r07")).await;
        let heard = ana.ask(&ping(50)).await;
        assert!(matches!(heard[0], Event::Pong(_)), "{heard:?}");
        let told = heads(heard.into_iter().map(|it| (0, it)).collect());
        let sizes: Vec<usize> = told.iter().map(|(_, rooms)| rooms.len()).collect();
        assert_eq!(sizes, [8, 8, 5]);
        let rooms: Vec<(String, u64)> = told.into_iter().flat_map(|it| it.1).collect();
        let all = (0..20).map(|id| (format!("r{id:02}"), u64::from(id == 7)));
        assert_eq!(rooms, std::iter::once(("@".to_owned(), 0)).chain(all).collect::<Vec<_>>());
    });
}

/// protocol 17.6
#[test]
fn a_reliable_link_is_told_nothing_of_the_kind() {
    let time = VirtualTime::new(35);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::enter_at(&server, "memory://firm", "ana", 1).await;
        ana.ask(&join(1, "lobby", 0)).await;
        ana.say(&say(2, "hi")).await;
        ana.say(&ping(3)).await;
        assert_eq!(times(ana.watch(ms(20_000)).await), [0; 0]);
    });
}
