//! Keys as they are shown.

use super::*;

#[test]
fn a_fingerprint_can_be_read_aloud_and_is_that_of_one_key() {
    let [one, other] = [1, 2].map(|byte| fingerprint(StaticKey::from_private([byte; 32]).id()));
    assert_eq!(one.len(), 19);
    for group in one.split('-') {
        assert_eq!(group.len(), 4, "{one}");
        assert!(group.chars().all(|c| c.is_ascii_lowercase() || ('2'..='7').contains(&c)), "{one}");
    }
    assert_ne!(one, other);
}

#[test]
fn a_private_key_stays_out_of_logs() {
    let key = StaticKey::from_private([77; 32]);
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.id().to_string()) && !shown.contains("77"), "{shown}");
}
