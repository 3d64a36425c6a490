//! What records make of people, and which records do not fit.

use super::*;

fn name(name: &str) -> PersonName {
    PersonName::parse(name).unwrap()
}

fn key(number: u8) -> KeyId {
    KeyId([number; 32])
}

fn claimed(who: &str, by: u8) -> PeopleRecord {
    PeopleRecord::NameClaimed { name: name(who), key: key(by), at: 100 }
}

fn linked(new: u8, with: u8) -> PeopleRecord {
    PeopleRecord::KeyLinked { key: key(new), with: key(with), at: 200 }
}

fn revoked(gone: u8, stays: u8) -> PeopleRecord {
    PeopleRecord::KeyRevoked { key: key(gone), stays: key(stays) }
}

fn people(records: &[PeopleRecord]) -> People {
    let mut people = People::default();
    for record in records {
        assert!(people.apply(record).is_some(), "{record:?}");
    }
    people
}

fn owner(people: &People, who: &str) -> Option<KeyId> {
    people.owner(&name(who)).map(|(person, _)| person.id())
}

fn refused(people: &People, record: &PeopleRecord) {
    let mut after = people.clone();
    assert_eq!(after.apply(record), None, "{record:?}");
    assert_eq!(after, *people, "nothing is changed");
}

/// protocol 4.3, 21.2
#[test]
fn a_name_and_what_looks_like_it_have_one_owner() {
    let people = people(&[claimed("Ana", 1), claimed("bob", 2), claimed("coco", 1)]);
    assert_eq!(
        (owner(&people, "ANA"), owner(&people, "b0b"), owner(&people, "bo")),
        (Some(key(1)), Some(key(2)), None)
    );
    assert_eq!(people.owner(&name("сосо")).unwrap().1.name.as_str(), "coco", "in Cyrillic");
    for taken in ["ana", "Ana", "сосо"] {
        refused(&people, &claimed(taken, 3));
        refused(&people, &claimed(taken, 1));
    }
}

/// protocol 21.2
#[test]
fn a_name_is_released_unless_it_was_seen_meanwhile() {
    let mut people = people(&[claimed("ana", 1), claimed("anna", 1)]);
    let seen = |at| PeopleRecord::NameSeen { name: name("ana"), key: key(1), at };
    let released = |of: &str, seen| PeopleRecord::NameReleased { name: name(of), seen };
    people.apply(&seen(300)).unwrap();
    refused(&people, &released("ana", 100));
    refused(&people, &PeopleRecord::NameSeen { name: name("ana"), key: key(2), at: 300 });
    assert_eq!(people.apply(&released("ana", 300)), Some(vec![key(1)]));
    assert_eq!((owner(&people, "ana"), people.person(key(1)).unwrap().names.len()), (None, 1));
    people.apply(&released("anna", 100)).unwrap();
    assert_eq!(people, People::default(), "a person without a name is forgotten");
}

/// protocol 21.6
#[test]
fn a_key_that_is_linked_brings_its_names_along() {
    let mut people = people(&[claimed("ana", 1), claimed("ana-2", 2), linked(2, 1)]);
    assert_eq!((owner(&people, "ana"), owner(&people, "ana-2")), (Some(key(1)), Some(key(1))));
    assert_eq!((people.id_of(key(2)), people.iter().count()), (key(1), 1));
    refused(&people, &linked(2, 1));
    refused(&people, &linked(2, 9));
    // A key of a person with several keys comes alone.
    people.apply(&claimed("bob", 3)).unwrap();
    assert_eq!(people.apply(&linked(1, 3)), Some(vec![key(3), key(1), key(2)]));
    assert_eq!((owner(&people, "ana"), people.id_of(key(1))), (Some(key(2)), key(3)));
}

/// protocol 21.7
#[test]
fn the_last_key_stays_and_the_next_one_takes_the_place_of_the_first() {
    let mut people = people(&[claimed("ana", 1), linked(2, 1), claimed("bob", 3)]);
    for (gone, stays) in [(1, 1), (1, 3), (3, 3), (3, 1), (9, 1)] {
        refused(&people, &revoked(gone, stays));
    }
    assert_eq!(people.apply(&revoked(1, 2)), Some(vec![key(1), key(2)]));
    assert_eq!((owner(&people, "ana"), people.id_of(key(1))), (Some(key(2)), key(1)));
    refused(&people, &revoked(2, 1));
}

/// protocol 21.2.3
#[test]
fn names_and_keys_have_bounds() {
    let mut one = People::default();
    for n in 0..MAX_NAMES_OF_ONE {
        one.apply(&claimed(&format!("ana-{n}"), 1)).unwrap();
    }
    refused(&one, &claimed("ana", 1));
    for n in 2..=MAX_KEYS_OF_ONE {
        one.apply(&linked(u8::try_from(n).unwrap(), 1)).unwrap();
    }
    refused(&one, &linked(99, 1));
    let mut all = People::default();
    for n in 0..MAX_NAMES {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        let claim = PeopleRecord::NameClaimed { name: name(&format!("p{n}")), key: KeyId(bytes), at: 1 };
        all.apply(&claim).unwrap();
    }
    refused(&all, &claimed("ana", 1));
    assert_eq!(all.names(), MAX_NAMES);
}

#[test]
fn whom_a_log_has_kept_is_there_again_unless_something_is_there_twice() {
    let people = people(&[claimed("ana", 1), linked(2, 1), claimed("bob", 3)]);
    let mut again = People::default();
    for person in people.iter() {
        assert!(again.restore(person.clone()));
        assert!(!again.restore(person.clone()));
    }
    assert_eq!(again, people);
    assert!(!again.restore(Person { keys: Vec::new(), names: Vec::new() }));
}
