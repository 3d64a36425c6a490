//! The test vectors of protocol 8.13, and what the hash covers.

use serde_json::json;

use super::*;
use crate::KeyId;

fn first<'a>(author: &'a Author, body: &'a Body) -> Link<'a> {
    let digest = digest(body);
    Link {
        previous: EntryHash::NONE,
        room: "lobby",
        seq: 1,
        at: 1_790_000_000_000,
        author,
        kind: &body.kind,
        digest,
    }
}

/// protocol 8.13: the vectors that the document shows.
#[test]
fn the_hashes_of_the_document_are_those_of_the_log() {
    let (ana, hello) = (Author::person("ana"), Body::message("tea at four"));
    let one = first(&ana, &hello).hash();
    assert_eq!(one.to_string(), "KYGwd8PYy0VJ1I_q-aIUtwiDfG_iwtHRmQxobUi9wOw");
    let topic = Body::topic("");
    let key = Author { identity: Some(KeyId([7; 32])), ..Author::bot("teabot") };
    let two = Link { previous: one, seq: 2, ..first(&key, &topic) }.hash();
    assert_eq!(two.to_string(), "uVC5plaSPy3-r-agq-EJfzfnTySquo_u_kT-suqygCo");
    let document = include_str!("../../../../docs/protocol.md");
    for hash in [one, two] {
        assert!(document.contains(&hash.to_string()), "the document shows {hash}");
    }
}

#[test]
fn everything_that_belongs_to_an_entry_changes_its_hash() {
    let (author, body) = (Author::person("ana"), Body::message("tea"));
    let link = first(&author, &body);
    let (bot, bob) = (Author::bot("ana"), Author::person("bob"));
    let key = |byte| Author { identity: Some(KeyId([byte; 32])), ..Author::person("ana") };
    let (key, other_key) = (key(1), key(2));
    let fields = |value: serde_json::Value| {
        let fields = value.as_object().unwrap().clone();
        digest(&Body { fields: Some(Box::new(fields)), ..body.clone() })
    };
    let (unknown, topic) = (EntryKind::of("poll"), EntryKind::Topic);
    let links = [
        link,
        Link { previous: EntryHash([1; 32]), ..link },
        Link { room: "lobby2", ..link },
        Link { seq: 2, ..link },
        Link { at: 2, ..link },
        Link { author: &bot, ..link },
        Link { author: &bob, ..link },
        Link { author: &key, ..link },
        Link { author: &other_key, ..link },
        Link { kind: &topic, ..link },
        Link { kind: &unknown, ..link },
        Link { digest: digest(&Body::message("tee")), ..link },
        Link { digest: fields(json!({"a": 1})), ..link },
        Link { digest: fields(json!({"a": 1, "b": "x"})), ..link },
    ];
    let mut hashes: Vec<EntryHash> = links.iter().map(Link::hash).collect();
    hashes.sort_by_key(|hash| hash.0);
    hashes.dedup();
    assert_eq!(hashes.len(), links.len());
}

#[test]
fn the_end_of_one_text_cannot_become_the_beginning_of_the_next() {
    let (one, other) = (Author::person("ab"), Author::person("b"));
    let body = Body::message("tea");
    let moved = [Link { room: "x", ..first(&one, &body) }, Link { room: "xa", ..first(&other, &body) }];
    assert_ne!(moved[0].hash(), moved[1].hash());
}

#[test]
fn a_hash_is_read_as_it_is_shown() {
    let hash = EntryHash([0xfb; 32]);
    assert_eq!(hash.to_string().len(), 43);
    assert_eq!(EntryHash::parse(&hash.to_string()), Some(hash));
    for wrong in ["", "AAAA", &"A".repeat(44), &"=".repeat(43)] {
        assert_eq!(EntryHash::parse(wrong), None, "{wrong}");
    }
}
