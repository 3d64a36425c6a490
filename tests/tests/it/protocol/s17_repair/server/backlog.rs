//! How a backlog is sent: a helping unasked, and the rest a page at a time, as it is asked for.

use super::*;

fn numbers(heard: &[Event]) -> Vec<u64> {
    heard.iter().filter_map(|it| if let Event::Entry(it) = it { Some(it.seq) } else { None }).collect()
}

fn range(from: u64, to: u64) -> Vec<u64> {
    (from..=to).collect()
}

/// A hall whose lobby holds that many messages of that many bytes, and who said them.
async fn filled(
    time: &VirtualTime,
    limits: Limits,
    bytes: usize,
    count: u64,
    size: usize,
) -> (TestServer, Peer) {
    let server = with_log(time, limits, Arc::new(MemoryLog::new(bytes, 7))).await;
    let mut bob = Peer::enter_at(&server, "memory://firm", "bob", 2).await;
    bob.ask(&join(1_000_000, "lobby", 0)).await;
    for id in 0..count {
        bob.ask(&say(id, &"x".repeat(size))).await;
    }
    (server, bob)
}

/// protocol 17.5
#[test]
fn of_a_backlog_64_entries_are_sent_and_the_rest_when_it_is_asked_for() {
    // Texts that many fit into what is sent at a time, and few; rooms that are kept encoded, and not.
    for (seed, count, size) in [(51, 64, 5), (52, 65, 5), (53, 300, 5), (54, 300, 2000), (55, 80, 8192)] {
        let time = VirtualTime::new(seed);
        time.run(async {
            let (server, mut bob) = filled(&time, unlimited(), 1 << 26, count, size).await;
            let mut ana = Peer::enter(&server, "ana", 1).await;
            let mut heard = ana.ask(&join(1, "lobby", 0)).await;
            heard.extend(ana.watch(ms(20_000)).await.into_iter().map(|(_, it)| it));
            assert_eq!(numbers(&heard), range(1, count.min(64)), "{count} of {size}");
            bob.ask(&say(count, "new")).await;
            assert_eq!(numbers(&ana.heard().await), [count + 1], "it goes on after the newest");
            let asked = ana.ask(&replay(2, "lobby", count, count + 1)).await;
            assert_eq!(numbers(&asked), [count, count + 1]);
        });
    }
}

/// protocol 17.5
#[test]
fn what_comes_little_by_little_is_all_sent() {
    let time = VirtualTime::new(56);
    time.run(async {
        let (server, mut bob) = filled(&time, unlimited(), 1 << 26, 0, 0).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        bob.heard().await;
        let mut heard = Vec::new();
        for round in 0..20 {
            for id in 0..7 {
                bob.say(&say(round * 7 + id, "x")).await;
            }
            bob.heard().await;
            heard.extend(numbers(&ana.heard().await));
        }
        assert_eq!(heard, range(1, 140));
    });
}

/// protocol 17.5, protocol 17.6
#[test]
fn who_asks_for_what_is_far_back_is_told_of_what_is_new_and_sent_it_later() {
    let time = VirtualTime::new(61);
    time.run(async {
        let (server, mut bob) = filled(&time, unlimited(), 1 << 26, 300, 5).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        assert_eq!(numbers(&ana.ask(&join(1, "lobby", 0)).await), range(1, 64));
        assert_eq!(numbers(&ana.ask(&replay(2, "lobby", 65, 96)).await), range(65, 96));
        let mut heard = Vec::new();
        for id in 300..310 {
            bob.ask(&say(id, "new")).await;
            heard.extend(ana.watch(ms(20)).await.into_iter().map(|(_, it)| it));
        }
        assert_eq!(numbers(&heard), [0; 0]);
        let is_told = |it: &Event| matches!(it, Event::Heads(it) if it.rooms["lobby"].head > 300);
        assert!(heard.iter().any(is_told), "also while there is more and more: {heard:?}");
        assert_eq!(numbers(&ana.ask(&replay(3, "lobby", 204, 235)).await), range(204, 235), "still behind");
        let asked = ana.ask(&replay(4, "lobby", 205, 236)).await;
        assert_eq!(numbers(&asked), [range(205, 236), range(301, 310)].concat());
        ana.ask(&replay(5, "lobby", 1, 32)).await;
        bob.ask(&say(310, "new")).await;
        assert_eq!(numbers(&ana.heard().await), [311], "what comes late or again says nothing");
    });
}

/// protocol 17.5
#[test]
fn who_looks_something_up_and_asks_no_more_is_sent_what_is_new_after_a_second() {
    let time = VirtualTime::new(62);
    time.run(async {
        let (server, mut bob) = filled(&time, unlimited(), 1 << 26, 300, 5).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        ana.ask(&join(1, "lobby", 300)).await;
        assert_eq!(numbers(&ana.ask(&replay(2, "lobby", 1, 32)).await), range(1, 32));
        bob.ask(&say(300, "new")).await;
        let heard = ana.watch(ms(2_000)).await;
        let entries: Vec<_> = heard.iter().filter(|(_, it)| matches!(it, Event::Entry(_))).collect();
        let [(at, Event::Entry(it))] = &entries[..] else { panic!("{heard:?}") };
        assert!((1_000..2_000).contains(at) && it.seq == 301, "{heard:?}");
        bob.ask(&say(301, "new")).await;
        assert_eq!(numbers(&ana.heard().await), [302], "and at once from then on");
    });
}

/// protocol 17.5, protocol 10.3
#[test]
fn the_inbox_is_no_exception() {
    let time = VirtualTime::new(57);
    time.run(async {
        let server = open(&time, unlimited()).await;
        let mut ana = Peer::dial(&server, "memory://hall").await;
        let heard = ana.ask(&hello("ana", 1)).await;
        let Event::Welcome(welcome) = &heard[0] else { panic!("{heard:?}") };
        let mut bob = Peer::enter_at(&server, "memory://firm", "bob", 2).await;
        let (text, mut heard) = ("x".repeat(1000), Vec::new());
        for id in 0..100 {
            bob.ask(&format!(r#"{{"type":"tell","id":{id},"to":"ana","text":"{text}"}}"#)).await;
            heard.extend(numbers(&ana.heard().await));
        }
        assert_eq!(heard, range(1, 100), "each was sent as it came");
        let resume =
            hello("ana", 1).replace("1,\"name", &format!("1,\"resume\":\"{}\",\"name", welcome.resume));
        let mut again = Peer::dial(&server, "memory://hall").await;
        again.ask(&resume).await;
        let heard = again.ask(&join(1, "@", 0)).await;
        assert_eq!(numbers(&heard), range(1, 64));
        bob.ask(r#"{"type":"tell","id":100,"to":"ana","text":"new"}"#).await;
        assert_eq!(numbers(&again.heard().await), [101]);
        let page = again.ask(&replay(2, "@", 65, 96)).await;
        assert!(matches!(page.last(), Some(Event::Replayed(_))));
        let bytes: usize = page
            .iter()
            .filter_map(
                |it| if let Event::Entry(it) = it { Some(chat_core::wire::write(it).len()) } else { None },
            )
            .sum();
        assert!((31 * 1024..=32 * 1024).contains(&bytes), "{bytes}");
    });
}

/// protocol 8.3, protocol 8.6
#[test]
fn a_page_has_at_most_32_kib_or_one_entry() {
    // In the ring, and 1,100 entries ago only in the log.
    for (seed, count, from) in [(58, 40, 1), (59, 1100, 1), (60, 1100, 60)] {
        let time = VirtualTime::new(seed);
        time.run(async {
            let (server, _bob) = filled(&time, unlimited(), 1 << 26, count, 8000).await;
            let mut ana = Peer::enter(&server, "ana", 1).await;
            ana.ask(&join(1, "lobby", count)).await;
            ana.say(&replay(2, "lobby", from, from + 31)).await;
            let frames = ana.frames().await;
            let bytes: usize = frames[..frames.len() - 1].iter().map(Bytes::len).sum();
            assert!((24 * 1024..=32 * 1024).contains(&bytes), "{bytes} bytes from {from} of {count}");
            let heard: Vec<Event> = frames.iter().map(|it| read_event(it).unwrap()).collect();
            let Some(Event::Replayed(replayed)) = heard.last() else { panic!("{heard:?}") };
            assert_eq!((replayed.from, replayed.to), (from, from + 3));
            assert_eq!(numbers(&heard), range(from, from + 3));
        });
    }
}

/// protocol 8.3, protocol 6.5
#[test]
fn a_page_begins_with_the_gap_of_what_is_gone() {
    let time = VirtualTime::new(61);
    time.run(async {
        let (server, _bob) = filled(&time, unlimited(), 40_000, 100, 1000).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        let heard = ana.ask(&join(1, "lobby", 100)).await;
        let Event::Joined(joined) = &heard[0] else { panic!("{heard:?}") };
        let oldest = joined.oldest;
        assert!((20..95).contains(&oldest), "{oldest}");
        let heard = ana.ask(&replay(2, "lobby", oldest - 10, oldest + 5)).await;
        assert!(
            matches!(&heard[0], Event::Gap(it) if (it.from, it.to) == (oldest - 10, oldest - 1)),
            "{heard:?}"
        );
        assert_eq!(numbers(&heard), range(oldest, oldest + 5));
        let heard = ana.ask(&replay(3, "lobby", oldest - 10, oldest - 5)).await;
        let [Event::Gap(gap), Event::Replayed(replayed)] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!((gap.from, gap.to, replayed.to), (oldest - 10, oldest - 5, oldest - 5));
    });
}

/// protocol 8.4, protocol 8.3
#[test]
fn what_is_no_range_is_refused_and_what_is_not_there_is_left_out() {
    let time = VirtualTime::new(62);
    time.run(async {
        let (server, mut bob) = filled(&time, unlimited(), 1 << 26, 40, 5).await;
        bob.ask(r#"{"type":"tell","id":100,"to":"bob","text":"note"}"#).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        ana.ask(&join(1, "lobby", 40)).await;
        let most = (1 << 53) - 1;
        for (from, to) in [(0, 5), (0, 0), (5, 4), (1, 33), (41, 41), (most, most), (1, most), (0, most)] {
            for room in ["lobby", "@"] {
                let heard = ana.ask(&replay(2, room, from, to)).await;
                assert_eq!(replies(&heard), [1002], "{room} {from} {to}");
                use chat_core::wire::Code;
                let code = if from == 0 || to < from { Code::Unsupported } else { Code::TooLarge };
                assert!(matches!(&heard[..], [Event::Error(it)] if it.code == code), "{heard:?}");
            }
        }
        assert_eq!(ana.ask(&replay(2, "lobby", 1 << 53, 1 << 53)).await, [], "that is no number");
        assert_eq!(numbers(&ana.ask(&replay(2, "lobby", 30, 61)).await), range(30, 40));
        assert_eq!(replies(&ana.ask(&replay(3, "kitchen", 1, 1)).await), [1003]);
    });
}

/// protocol 17.5, protocol 11.3
#[test]
fn pages_have_a_rate_of_their_own() {
    let time = VirtualTime::new(63);
    time.run(async {
        let (server, _bob) = filled(&time, Limits::default(), 1 << 26, 10, 5).await;
        let mut ana = Peer::enter(&server, "ana", 1).await;
        ana.ask(&join(1, "lobby", 10)).await;
        let began = time.now();
        let mut granted = 0;
        while time.now() - began < ms(10_000) {
            let heard = ana.ask(&replay(2, "lobby", 1, 1)).await;
            match heard.iter().find_map(|it| if let Event::Error(it) = it { it.retry_after_ms } else { None })
            {
                None => granted += 1,
                Some(wait) => time.pass(ms(wait)).await,
            }
        }
        // 200 at once, then 200 a second; a wait of 5 ms is rounded up.
        assert!((200 + 1600..=200 + 2000).contains(&granted), "{granted}");
        let who = r#"{"type":"who","id":5,"room":"lobby"}"#;
        for _ in 0..150 {
            assert_eq!(replies(&ana.ask(who).await), [5], "other requests are counted on their own");
        }
    });
}
