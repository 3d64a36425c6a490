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

/// RFC 7748, section 6.1.
#[test]
fn a_public_key_is_that_of_the_standard() {
    let hex = |text: &str| -> [u8; 32] {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    };
    let private = hex("77076d0a7318a57d3c16c17251b26645df4c2f92ebc0992ac177fba51db92c2a");
    let public = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert_eq!(StaticKey::from_private(private).id(), KeyId(public));
}
