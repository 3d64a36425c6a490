//! What the server does with a message: `cargo bench -p chat-tests --bench delivery`. Server and readers run on the
//! runtime of tests, whose clock jumps, over the transport within one process; both cost something too.

use chat_testkit::{crowded_room::CrowdedRoom, virtual_time::VirtualTime};
use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

/// A message that is stored and published, until all have it.
#[divan::bench(args = [10, 100, 1000])]
fn publish_one(bencher: Bencher<'_, '_>, readers: usize) {
    publish(bencher, readers, 1);
}

/// The same with ten messages that come together.
#[divan::bench(args = [10, 100, 1000])]
fn publish_ten(bencher: Bencher<'_, '_>, readers: usize) {
    publish(bencher, readers, 10);
}

fn publish(bencher: Bencher<'_, '_>, readers: usize, messages: u64) {
    let time = VirtualTime::new(1);
    let mut room = time.run(CrowdedRoom::open(&time, readers));
    bencher
        .counter(ItemsCount::new(readers * messages as usize))
        .bench_local(|| time.run(room.say(messages)));
    time.end();
}

/// A session that reads on by itself: somebody comes, reads what the room still has encoded, and goes.
#[divan::bench(args = [1, 100, 1000])]
fn read_on(bencher: Bencher<'_, '_>, messages: u64) {
    let time = VirtualTime::new(1);
    let mut room = time.run(CrowdedRoom::open(&time, 2));
    time.run(async {
        for _ in 0..100 {
            room.say(10).await;
        }
    });
    bencher.counter(ItemsCount::new(messages)).bench_local(|| time.run(room.read(messages)));
    time.end();
}
