//! Loss, duplication, order, delay, rate and corruption of datagrams.

use std::time::Duration;

use chat_lab::{Direction, Fate, Lab, Path};

use crate::network::{SEED, link, receiver, send};

fn path(condition: &str) -> Path {
    Path::new(condition.parse().expect("it is possible"), Direction::Up, SEED)
}

/// Real datagrams have the fates that the state machine decides for the same numbers.
pub(crate) fn fate_by_number(lab: &Lab) {
    const COUNT: usize = 5000;
    let condition = "delay=2ms,jitter=1ms,burst=2%/40%,duplicate=3%,reorder=4%/30ms";
    let link = link(lab, condition);
    let (port, arrivals) = receiver();
    send((link.server_address(), port), COUNT, 100, Duration::from_micros(400));
    let arrivals = arrivals.join().expect("it receives");
    let counts = link.stop().expect("it worked").up;
    let mut path = path(condition);
    let (mut lost, mut doubled, mut late) = (0, 0, 0);
    let mut copies = vec![0; COUNT];
    let mut held_back = vec![false; COUNT];
    for number in 0..COUNT {
        match path.send(Duration::from_micros(400 * number as u64), 100) {
            Fate::Dropped(_) => lost += 1,
            Fate::Delivered { copy, late: held, .. } => {
                copies[number] = 1 + usize::from(copy.is_some());
                doubled += u64::from(copy.is_some());
                late += u64::from(held);
                held_back[number] = held;
            }
        }
    }
    let mut seen = vec![0; COUNT];
    arrivals.iter().for_each(|it| seen[it.0] += 1);
    assert!(seen == copies, "the same datagrams arrive, as often");
    assert_eq!((counts.lost, counts.duplicated, counts.reordered), (lost, doubled, late));
    let order: Vec<usize> = arrivals.iter().map(|it| it.0).collect();
    let in_order: Vec<usize> = order.iter().copied().filter(|it| !held_back[*it]).collect();
    assert!(in_order.is_sorted(), "those that are not held back stay in order");
    let overtaken = order.windows(2).filter(|it| held_back[it[1]] && it[0] > it[1]).count() as u64;
    assert!(overtaken * 2 > late, "{overtaken} of {late} that were held back came behind later ones");
    println!("lost {lost} of {COUNT} (asked 4.8%), twice {doubled} (3%), held back {late} (4%): as decided");
}

/// Each takes what was decided for it, and a little more.
pub(crate) fn delay(lab: &Lab) {
    const COUNT: usize = 500;
    let condition = "delay=10ms,jitter=1ms";
    let every = Duration::from_millis(3);
    let link = link(lab, condition);
    let (port, arrivals) = receiver();
    let sent = send((link.server_address(), port), COUNT, 100, every);
    let arrivals = arrivals.join().expect("it receives");
    assert_eq!(arrivals.len(), COUNT);
    let mut path = path(condition);
    let mut beyond: Vec<Duration> = Vec::new();
    for (number, arrived) in arrivals {
        let now = sent[number] - sent[0];
        let Fate::Delivered { packet, .. } = path.send(now, 100) else { panic!("nothing is lost") };
        let taken = arrived - sent[0];
        assert!(taken >= packet.at, "{number} came {:?} too early", packet.at - taken);
        beyond.push(taken - packet.at);
    }
    beyond.sort();
    let median = beyond[COUNT / 2];
    assert!(median < Duration::from_millis(5), "half of them took {median:?} more");
    println!("half took at most {median:?} more than decided, nine of ten {:?}", beyond[COUNT * 9 / 10]);
}

pub(crate) fn rate(lab: &Lab) {
    // 1,250 bytes take a millisecond; 50 kB wait 40 ms. Twice as much is sent.
    let link = link(lab, "rate=10mbit,queue=50kB");
    let (port, arrivals) = receiver();
    let sent = send((link.server_address(), port), 4000, 1250, Duration::from_micros(500));
    let arrivals = arrivals.join().expect("it receives");
    let counts = link.stop().expect("it worked").up;
    let (first, last) = (arrivals[0].1, arrivals[arrivals.len() - 1].1);
    let rate = (arrivals.len() - 1) as f64 * 1250.0 * 8.0 / (last - first).as_secs_f64();
    assert!((rate / 10e6 - 1.0).abs() < 0.1, "{rate} bits a second");
    assert_eq!(counts.queue_full + arrivals.len() as u64, 4000);
    let mut waited: Vec<Duration> =
        arrivals.iter().map(|(number, arrived)| *arrived - sent[*number]).collect();
    waited.sort();
    let median = waited[waited.len() / 2];
    let bound = Duration::from_millis(30)..Duration::from_millis(60);
    assert!(bound.contains(&median), "half of them waited {median:?}");
    println!("{:.3} Mbit/s of 10 asked; half of them waited {median:?} in a queue of 40ms", rate / 1e6);
}

pub(crate) fn corrupt(lab: &Lab) {
    let link = link(lab, "corrupt=10%");
    let (port, arrivals) = receiver();
    send((link.server_address(), port), 3000, 100, Duration::from_micros(100));
    let arrivals = arrivals.join().expect("it receives").len() as u64;
    let counts = link.stop().expect("it worked").up;
    assert!((240..=360).contains(&counts.corrupted), "{}", counts.corrupted);
    assert_eq!(counts.delivered.udp.packets, 3000, "what is corrupted does arrive");
    assert_eq!(arrivals + counts.corrupted, 3000, "and no program sees it");
}
