//! Trust at first use: which keys are taken, which are not, and what stands in the file.

use std::thread;

use super::*;

const ADDRESS: &str = "tcp://10.0.0.7:7000";

struct Meeting {
    folder: tempfile::TempDir,
}

impl Meeting {
    fn new() -> Meeting {
        Meeting { folder: tempfile::tempdir().unwrap() }
    }

    fn known(&self) -> KnownServers {
        KnownServers::at(&self.folder.path().join("known.json"))
    }

    fn meets(&self, address: &str, name: Option<&str>, key: u8) -> Result<(), String> {
        let address: Address = address.parse().unwrap();
        self.known().check(Seen { address: &address, name, key: KeyId([key; 32]) })
    }

    fn trusts(&self, address: &str, name: Option<&str>, key: u8) {
        let address: Address = address.parse().unwrap();
        let seen = Seen { address: &address, name, key: KeyId([key; 32]) };
        self.known().trust(seen, Verified::ByHand).unwrap();
    }
}

#[test]
fn another_key_at_the_same_address_is_refused_over_every_transport() {
    let meeting = Meeting::new();
    meeting.meets(ADDRESS, None, 1).unwrap();
    meeting.meets(ADDRESS, None, 1).unwrap();
    for address in [ADDRESS, "udp://10.0.0.7:7000", "tcp://10.0.0.7"] {
        let why = meeting.meets(address, None, 2).unwrap_err();
        let [old, new] = [1, 2].map(|key| fingerprint(KeyId([key; 32])));
        for words in [&old, &new, &format!("chat key trust {address}")] {
            assert!(why.contains(words.as_str()), "{why}");
        }
        assert!(!why.contains('\n'), "{why}");
    }
    meeting.meets("tcp://10.0.0.7:7001", None, 2).unwrap();
    assert_eq!(meeting.known().list().unwrap().len(), 2);
}

#[test]
fn a_known_key_at_a_new_address_is_no_event() {
    let meeting = Meeting::new();
    meeting.meets(ADDRESS, Some("office"), 1).unwrap();
    meeting.meets("tcp://10.0.0.9:7000", Some("bureau"), 1).unwrap();
    let known = meeting.known().list().unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].addresses, ["10.0.0.7:7000", "10.0.0.9:7000"]);
    assert_eq!(known[0].names, ["office", "bureau"]);
    assert_eq!(known[0].verified, Verified::FirstUse);
}

#[test]
fn a_name_belongs_to_the_key_that_was_found_under_it() {
    let meeting = Meeting::new();
    meeting.meets(ADDRESS, Some("office"), 1).unwrap();
    let why = meeting.meets("tcp://10.0.0.66:7000", Some("office"), 2).unwrap_err();
    assert!(why.starts_with("the server called office had the key "), "{why}");
    meeting.meets("tcp://10.0.0.66:7000", Some("lab"), 2).unwrap();
    let why = meeting.meets("tcp://10.0.0.66:7000", Some("office"), 2).unwrap_err();
    assert!(why.contains("called office"), "a key that is known under another name: {why}");
    meeting.meets("tcp://10.0.0.66:7000", None, 2).unwrap();
}

#[test]
fn a_key_that_was_accepted_takes_the_place_of_the_other_one() {
    let meeting = Meeting::new();
    meeting.meets(ADDRESS, Some("office"), 1).unwrap();
    meeting.trusts(ADDRESS, None, 2);
    meeting.meets(ADDRESS, Some("office"), 2).unwrap();
    assert!(meeting.meets(ADDRESS, None, 1).is_err(), "the old key is now the other one");
    assert!(meeting.known().list().unwrap().iter().any(|server| server.verified == Verified::ByHand));
}

#[test]
fn an_announced_server_is_known_new_or_has_another_key() {
    let meeting = Meeting::new();
    meeting.meets(ADDRESS, Some("office"), 1).unwrap();
    let standing = |name: &str, url: &str, key: u8| {
        meeting.known().standing(name, &[url.parse().unwrap()], KeyId([key; 32])).unwrap()
    };
    assert_eq!(standing("office", ADDRESS, 1), Standing::Known);
    assert_eq!(standing("office", "tcp://10.0.0.99:1", 1), Standing::Known);
    assert_eq!(standing("lab", "tcp://10.0.0.99:1", 2), Standing::New);
    assert_eq!(standing("office", "tcp://10.0.0.99:1", 2), Standing::AnotherKey);
    assert_eq!(standing("lab", ADDRESS, 2), Standing::AnotherKey);
    assert_eq!(meeting.known().list().unwrap().len(), 1, "looking trusts nobody");
}

#[test]
fn a_server_is_forgotten_by_fingerprint_name_or_address() {
    let meeting = Meeting::new();
    for named in [fingerprint(KeyId([1; 32])).as_str(), "office", "10.0.0.7", "udp://10.0.0.7:7000"] {
        meeting.meets(ADDRESS, Some("office"), 1).unwrap();
        meeting.meets("tcp://10.0.0.8:7000", None, 2).unwrap();
        assert_eq!(meeting.known().forget("elsewhere").unwrap(), []);
        assert_eq!(meeting.known().forget(named).unwrap().len(), 1, "{named}");
        meeting.meets(ADDRESS, Some("office"), 3).unwrap();
        assert_eq!(meeting.known().forget("office").unwrap().len(), 1);
    }
}

#[test]
fn many_programs_at_once_lose_nothing() {
    let meeting = Meeting::new();
    thread::scope(|scope| {
        for key in 0..8 {
            let meeting = &meeting;
            scope.spawn(move || {
                for port in 0..4 {
                    meeting.meets(&format!("tcp://10.0.0.{key}:{}", 7000 + port), None, key).unwrap();
                }
            });
        }
    });
    let known = meeting.known().list().unwrap();
    assert_eq!((known.len(), known.iter().map(|server| server.addresses.len()).sum::<usize>()), (8, 32));
}

#[test]
fn a_file_that_cannot_be_read_trusts_nobody() {
    let meeting = Meeting::new();
    meeting.meets(ADDRESS, None, 1).unwrap();
    let path = meeting.folder.path().join("known.json");
    for content in ["", "{}", "[{\"key\":\"short\"}]"] {
        fs::write(&path, content).unwrap();
        let why = meeting.meets(ADDRESS, None, 1).unwrap_err();
        assert!(why.contains("known.json cannot be read") && why.contains("remove it"), "{why}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content, "the file is left as it is");
    }
}
