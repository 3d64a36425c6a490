//! Checks of reading: limits, ends and seams.

use chat_core::log::{LogPage, PageLimit};
use futures::future::join;

use super::{Medium, fixture::*};

/// The entry that goes over the limit is the last.
pub async fn pages_keep_to_their_limit_but_bring_something(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let text = |n: u64| n.to_string().repeat(10);
    append(log, (1..=5).map(|n| say(1, n, "a", &text(n))).collect()).await;
    for (after, entries, bytes, wanted) in [
        (0, 100, 1000, 1..=5),
        (3, 100, 1000, 4..=5),
        (0, 2, 1000, 1..=2),
        (1, 9, 1, 2..=2),
        (1, 9, 10, 2..=2),
        (1, 9, 11, 2..=3),
        (1, 9, 20, 2..=3),
        (2, 0, 0, 3..=3),
        (4, usize::MAX, usize::MAX, 5..=5),
    ] {
        let page = page(log, "a", after, PageLimit { entries, bytes }).await;
        let found: Vec<String> = page.entries.into_iter().map(|it| it.body.text.clone()).collect();
        assert_eq!(found, wanted.map(text).collect::<Vec<_>>(), "after {after}: {entries}, {bytes} bytes");
    }
}

/// protocol 6.5
pub async fn a_page_says_how_far_it_goes(medium: &dyn Medium) {
    let log = &*medium.open(None);
    talk(log, 1, "a", 1..=5).await;
    let through =
        async |after, entries| page(log, "a", after, PageLimit { entries, bytes: 1000 }).await.through;
    assert_eq!(through(0, 100).await, 5, "as far as the head");
    assert_eq!(through(0, 2).await, 2, "as far as its last entry");
    assert_eq!(through(4, 1).await, 5);
    assert_eq!(through(5, 100).await, 5, "nowhere");
    assert_eq!(through(9, 100).await, 9, "not backwards");
}

/// protocol 6.7
pub async fn a_room_never_heard_of_is_empty(medium: &dyn Medium) {
    let log = &*medium.open(None);
    talk(log, 1, "a", 1..=1).await;
    for after in [0, 7] {
        let nothing = LogPage { entries: Vec::new(), through: after };
        assert_eq!(page(log, "elsewhere", after, EVERYTHING).await, nothing);
    }
}

/// protocol 6.1
pub async fn pages_follow_each_other_without_a_seam(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let writing = async {
        for n in 0..100 {
            let other = say(2, n, "b", "other");
            append(log, (1..=4).map(|it| say(1, n * 4 + it, "a", "x")).chain([other]).collect()).await;
        }
    };
    let reading = async {
        let mut cursor = 0;
        while cursor < 400 {
            let page = page(log, "a", cursor, PageLimit { entries: 7, bytes: 1000 }).await;
            for entry in &page.entries {
                cursor += 1;
                assert_eq!(entry.seq, cursor);
            }
            assert_eq!(page.through, cursor);
        }
    };
    join(writing, reading).await;
}
