//! Whoever is at the other end may send anything: what stays true then.
//!
//! Each module takes arbitrary bytes and asserts. The fuzzer (`fuzz/`) runs them for as long as it is let; here they
//! run on what it found worth keeping, and on a few thousand changes of that.

mod client;
mod datagrams;
mod decoder;
mod input;
mod json;
mod middle;
mod network;
mod secure;
mod session;

use std::{fs, panic, path::Path};

use proptest::{prelude::*, sample::Index, test_runner::RngSeed};

/// Everything in the corpus of `target`, in the order of its names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap().map(|it| it.unwrap());
    let read = |it: fs::DirEntry| (it.file_name().into_string().unwrap(), fs::read(it.path()).unwrap());
    let mut corpus: Vec<_> = files.map(read).collect();
    corpus.sort();
    assert!(corpus.len() >= 10, "there is a corpus in {}", folder.display());
    corpus
}

/// Runs `run` on the whole corpus of `target`, and then on `changed` inputs made of it.
fn hold(target: &str, run: fn(&[u8]), changed: u32) {
    let corpus = corpus(target);
    for (name, data) in &corpus {
        let held = panic::catch_unwind(|| run(data));
        assert!(held.is_ok(), "fuzz/corpus/{target}/{name} fails, see above");
    }
    let config = ProptestConfig {
        cases: changed,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(u64::from(changed)),
        ..ProptestConfig::default()
    };
    let known: Vec<Vec<u8>> = corpus.into_iter().map(|(_, data)| data).collect();
    proptest!(config, |(data in inputs(known))| run(&data));
}

fn inputs(known: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), any::<Index>(), 0..4_u8, any::<u8>());
    let changed =
        (prop::sample::select(known), prop::collection::vec(change, 0..6)).prop_map(|(mut data, changes)| {
            for (from, to, kind, byte) in changes {
                change_at(&mut data, (&from, &to), kind, byte);
            }
            data
        });
    prop_oneof![1 => prop::collection::vec(any::<u8>(), 0..400), 9 => changed]
}

fn change_at(data: &mut Vec<u8>, (from, to): (&Index, &Index), kind: u8, byte: u8) {
    let (from, to) = (from.index(data.len() + 1), to.index(data.len() + 1));
    let range = from.min(to)..from.max(to).min(from.min(to) + 64);
    match kind {
        0 => data.insert(from, byte),
        1 => drop(data.drain(range)),
        2 => {
            let copy = data[range].to_vec();
            data.splice(to..to, copy);
        }
        _ => {
            if let Some(it) = data.get_mut(from) {
                *it = byte;
            }
        }
    }
}

/// protocol 1.4, 1.5, 1.6, 1.7, 1.9, 15.2, 15.3
#[test]
fn any_bytes_are_frames_or_an_error_however_they_come() {
    hold("decoder", decoder::run, 4000);
}

/// protocol 15.9, 15.11, 15.12, 15.13
#[test]
fn any_datagrams_reach_nobody_else_and_call_forth_no_more_than_they_are() {
    hold("datagrams", datagrams::run, 300);
}

/// protocol 19.3, 19.4, 19.7, 19.8
#[test]
fn any_bytes_between_two_ends_neither_give_keys_nor_are_taken_for_records() {
    hold("secure", secure::run, 300);
}

/// protocol 2.10, 5.1, 6.1, 12.2
#[test]
fn any_requests_leave_the_logs_whole_and_the_server_there_for_others() {
    hold("session", session::run, 100);
}

/// protocol 14.2, 14.3, 17.9
#[test]
fn any_events_leave_the_client_in_order_and_at_rest() {
    hold("client", client::run, 1000);
}
