//! Which tickets are opened, for how long, and what is kept of their keys.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use chat_core::Runtime;
use futures::future::BoxFuture;

use super::*;

/// A clock that days pass on at once, and dice.
struct Calendar {
    hours: AtomicU64,
    dice: Mutex<fastrand::Rng>,
}

impl Calendar {
    fn new(seed: u64) -> Arc<Calendar> {
        let dice = Mutex::new(fastrand::Rng::with_seed(seed));
        Arc::new(Calendar { hours: AtomicU64::new(480_000), dice })
    }

    fn shared(self: &Arc<Calendar>) -> SharedRuntime {
        self.clone()
    }
}

impl Runtime for Calendar {
    fn spawn(&self, _: BoxFuture<'static, ()>) {
        panic!("tickets need no task");
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(3600 * self.hours.load(Relaxed))
    }

    fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
        panic!("tickets wait for nothing");
    }

    fn random(&self) -> u128 {
        self.dice.lock().unwrap().u128(..)
    }
}

const SERVER: KeyId = KeyId([1; 32]);

fn contents(keys: &TicketKeys) -> Contents {
    Contents { client: KeyId([2; 32]), secret: [3; 32], proved: keys.now() }
}

fn pass(time: &Calendar, hours: u64) {
    time.hours.fetch_add(hours, Relaxed);
}

/// protocol 19.18, protocol 19.18.1
#[test]
fn a_ticket_is_opened_by_its_server_as_it_was_sealed() {
    let time = Calendar::new(1);
    let keys = TicketKeys::in_memory(time.shared());
    let ticket = contents(&keys);
    let sealed = keys.seal(&ticket, SERVER);
    assert_eq!(sealed.len(), 100);
    assert_eq!(keys.open(&sealed, SERVER), Some(ticket.clone()));
    assert_eq!(keys.clone().open(&sealed, SERVER), Some(ticket.clone()), "clones share the keys");
    assert_eq!(keys.open(&sealed, KeyId([9; 32])), None, "another server");
    assert_eq!(TicketKeys::in_memory(time.shared()).open(&sealed, SERVER), None, "other keys");
    assert_ne!(keys.seal(&ticket, SERVER), sealed, "no two tickets are alike");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 0x10;
        assert_eq!(keys.open(&changed, SERVER), None, "byte {at}");
        assert_eq!(keys.open(&sealed[..at], SERVER), None, "{at} bytes");
    }
    assert_eq!(keys.open(&[&sealed[..], &[0]].concat(), SERVER), None);
}

/// protocol 19.19
#[test]
fn a_ticket_is_good_for_two_days_of_keys_that_are_replaced_daily() {
    let time = Calendar::new(2);
    let keys = TicketKeys::in_memory(time.shared());
    let first = keys.lock().newer;
    pass(&time, 23);
    let ticket = contents(&keys);
    let sealed = keys.seal(&ticket, SERVER);
    assert_eq!(keys.lock().newer, first);
    pass(&time, 2);
    assert_eq!(keys.open(&sealed, SERVER), Some(ticket.clone()), "the key of the day before opens");
    assert!(keys.lock().newer != first && keys.lock().older == first);
    let renewed = keys.seal(&ticket, SERVER);
    pass(&time, 24);
    assert_eq!(keys.open(&sealed, SERVER), None, "its key is gone");
    assert_ne!(keys.lock().older, first);
    assert_eq!(keys.open(&renewed, SERVER), Some(ticket.clone()), "46 to 47 hours after the proof");
    let again = keys.seal(&ticket, SERVER);
    pass(&time, 22);
    assert_eq!(keys.open(&again, SERVER), None, "48 hours after the proof, however often it was renewed");
}

/// protocol 19.19
#[test]
fn after_days_without_a_ticket_no_old_key_is_left() {
    let time = Calendar::new(3);
    let keys = TicketKeys::in_memory(time.shared());
    let old = keys.of_today();
    pass(&time, 49);
    keys.seal(&contents(&keys), SERVER);
    let new = keys.of_today();
    assert!([new.newer, new.older].iter().all(|key| *key != old.newer && *key != old.older));
}

/// protocol 19.19
#[test]
fn keys_in_a_file_outlive_the_server_and_others_do_not_read_them() {
    let time = Calendar::new(4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/tickets.key");
    let keys = || TicketKeys::in_file(&path, time.shared()).unwrap();
    let (one, ticket) = (keys(), contents(&keys()));
    let sealed = one.seal(&ticket, SERVER);
    assert_eq!(keys().open(&sealed, SERVER), Some(ticket.clone()));
    pass(&time, 25);
    let renewed = one.seal(&ticket, SERVER);
    let restarted = keys();
    assert_eq!(restarted.open(&renewed, SERVER), Some(ticket.clone()), "the file has the new key");
    assert_eq!(restarted.open(&sealed, SERVER), Some(ticket), "and the one before");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(keys().open(&renewed, SERVER), None, "keys that others could read are replaced");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let sealed = keys().seal(&contents(&one), SERVER);
    fs::write(&path, b"no keys").unwrap();
    assert_eq!(keys().open(&sealed, SERVER), None);
    assert_eq!(fs::read(&path).unwrap().len(), 72);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn nothing_secret_is_logged() {
    let time = Calendar::new(5);
    let keys = TicketKeys::in_memory(time.shared());
    let ticket = contents(&keys);
    assert_eq!(format!("{keys:?}"), "TicketKeys { path: None, .. }");
    assert!(!format!("{ticket:?}").contains("3, 3"));
}
