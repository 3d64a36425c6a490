//! CPace against the vectors of the draft, against another implementation, and against what a cheat would try.

use std::convert::Infallible;

use data_encoding::HEXLOWER;
use pakery_cpace::{CpaceCiphersuite, CpaceInitiator, CpaceMode, CpaceResponder};
use pakery_crypto::{Ristretto255Group, Sha512Hash};
use rand_core::{TryCryptoRng, TryRng};

use super::*;

// The vectors are from draft-irtf-cfrg-cpace-21, appendix "Test vector for CPace using group ristretto255 and hash
// SHA-512" (github.com/cfrg/draft-irtf-cfrg-cpace, tag draft-irtf-cfrg-cpace-21). The draft has none for the tags: those
// were computed from the draft's ISK with Python's `hashlib` and `hmac`.
const PRS: &[u8] = b"Password";
const CI: &[u8] = b"\x0bA_initiator\x0bB_responder";
const SID: &str = "7e4b4791d6a8ef019b936c79fb7f2c57";
const GENERATOR: &str = "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56";
const YA_SCALAR: &str = "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08";
const YA: &str = "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157";
const YB_SCALAR: &str = "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d";
const YB: &str = "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258";
const K: &str = "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f";
const ISK_IR: &str = "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd2b38950a39dfd5d4a79164614c2984f7\
    daa460b588c1e80c3fa2068af7900447";
const TA: &str = "30478d28d83ae3b214295e91f4a3eb62999a8ed94575075db4a7d3bc3e4d26f16c51adba12dc7771372637a46b5134e0\
    937cddd7d820bfdd83be335e339eb57a";
const TB: &str = "e927a7da291676f8878caae9cb70407d2f14117e6f9ff9adcfda797c4bcf2bd2fefd2ca3f2ddcce81b7386996c895b2f\
    359010cc92069d5ff4ad49a977de79a6";

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

/// The random bytes from which this scalar is made.
fn random_for(scalar: &str) -> [u8; 64] {
    let scalar: [u8; 32] = hex(scalar);
    std::array::from_fn(|at| scalar.get(at).copied().unwrap_or(0))
}

fn scalar(text: &str) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&random_for(text))
}

#[test]
fn strings_are_put_together_as_in_the_draft() {
    assert_eq!(lv_cat(&[b"1234", b"5", b"", b"678"]), HEXLOWER.decode(b"043132333401350003363738").unwrap());
    let bytes: Vec<u8> = (0..128).collect();
    assert_eq!(lv_cat(&[&bytes[..127]]), [&[0x7f], &bytes[..127]].concat());
    assert_eq!(lv_cat(&[&bytes]), [&[0x80, 0x01], &bytes[..]].concat());
    let string = generator_string(PRS, CI, &hex::<16>(SID));
    let before = "11435061636552697374726574746f3235350850617373776f726464";
    let after = "180b415f696e69746961746f720b425f726573706f6e646572107e4b4791d6a8ef019b936c79fb7f2c57";
    assert_eq!(HEXLOWER.encode(&string), [before, &"00".repeat(100), after].concat());
}

#[test]
fn the_vectors_of_the_draft_come_out() {
    let sid: [u8; 16] = hex(SID);
    let generator = generator(PRS, CI, &sid);
    assert_eq!(compress(generator), hex(GENERATOR));
    assert_eq!(compress(scalar(YA_SCALAR) * generator), hex(YA));
    assert_eq!(compress(scalar(YB_SCALAR) * generator), hex(YB));
    assert_eq!(multiply(scalar(YA_SCALAR), &hex(YB)), Some(hex(K)));
    assert_eq!(multiply(scalar(YB_SCALAR), &hex(YA)), Some(hex(K)));
    let key = session_key(&sid, &hex::<32>(K), (&hex(YA), b"ADa"), (&hex(YB), b"ADb"));
    assert_eq!(HEXLOWER.encode(&key), ISK_IR);
    let key = mac_key(&sid, &key);
    assert!(mac(&key, &hex(YA), b"ADa").verify_slice(&hex::<64>(TA)).is_ok());
    assert!(mac(&key, &hex(YB), b"ADb").verify_slice(&hex::<64>(TB)).is_ok());
}

#[test]
fn what_is_no_share_is_refused_as_in_the_draft() {
    let scalar = scalar("7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05");
    let valid = "2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c";
    let product = "7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e";
    assert_eq!(multiply(scalar, &hex(valid)), Some(hex(product)));
    // Y_i1 and Y_i2 of the draft: no encoding of an element, and the neutral element.
    let no_element = hex("2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c");
    // Negative, and not reduced: other encodings that RFC 9496 refuses (appendix A.2).
    let negative = hex("0100000000000000000000000000000000000000000000000000000000000000");
    let not_reduced = hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    for share in [no_element, [0; 32], negative, not_reduced, [0xff; 32]] {
        assert_eq!(multiply(scalar, &share), None);
        assert!(Responder::new(PRS, CI, &[7; 32], [9; 64], &share).is_none());
        let initiator = Initiator::new(PRS, CI, &[7; 32], [9; 64]);
        assert_eq!(initiator.finish(&share, &[0; 64]), None);
    }
}

/// What both ends make of each other, if each does as it should with what it has.
fn meet(initiator: Initiator, password: &[u8], info: &[u8], binding: &Binding) -> (bool, bool) {
    let responder = Responder::new(password, info, binding, [5; 64], &initiator.share()).unwrap();
    match initiator.finish(&responder.share(), &responder.tag()) {
        Some(tag) => (true, responder.verify(&tag)),
        None => (false, responder.verify(&[0; 64])),
    }
}

#[test]
fn ends_with_the_same_password_purpose_and_link_prove_themselves_and_no_others_do() {
    let initiator = || Initiator::new(b"sesame", b"a", &[1; 32], [3; 64]);
    assert_eq!(meet(initiator(), b"sesame", b"a", &[1; 32]), (true, true));
    assert_eq!(meet(initiator(), b"Sesame", b"a", &[1; 32]), (false, false));
    assert_eq!(meet(initiator(), b"sesame", b"b", &[1; 32]), (false, false));
    assert_eq!(meet(initiator(), b"sesame", b"a", &[2; 32]), (false, false));
    assert_eq!(meet(Initiator::new(b"", b"", &[0; 32], [3; 64]), b"", b"", &[0; 32]), (true, true));
}

#[test]
fn a_tag_holds_for_its_own_share_alone() {
    let initiator = Initiator::new(b"sesame", b"a", &[1; 32], [3; 64]);
    let answer = |random| Responder::new(b"sesame", b"a", &[1; 32], random, &initiator.share()).unwrap();
    let (one, other) = (answer([5; 64]), answer([6; 64]));
    assert_ne!(one.share(), other.share());
    assert_eq!(initiator.finish(&one.share(), &other.tag()), None);
    let tag = initiator.finish(&one.share(), &one.tag()).unwrap();
    assert!(one.verify(&tag) && !other.verify(&tag));
    // The ends' tags differ, so a tag that is sent back proves nothing.
    assert!(!one.verify(&one.tag()));
    let mut flipped = tag;
    flipped[63] ^= 0x80;
    assert!(!one.verify(&flipped));
}

/// The suite, as the other implementation wants it to be put together.
struct Suite;

impl CpaceCiphersuite for Suite {
    type Group = Ristretto255Group;
    type Hash = Sha512Hash;
    const DSI: &'static [u8] = DSI;
    const HASH_BLOCK_SIZE: usize = SHA512_BLOCK;
    const FIELD_SIZE_BYTES: usize = 32;
}

/// The randomness of the other implementation, from a seed.
struct Seeded(fastrand::Rng);

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.u32(..))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.u64(..))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

/// Passwords of every length around the block of the hash, and beyond one byte of LEB128.
const LENGTHS: [usize; 9] = [0, 1, 8, 107, 108, 109, 127, 128, 300];

#[test]
fn another_implementation_comes_to_the_same_key_as_responder_and_as_initiator() {
    for length in LENGTHS {
        let password = vec![b'p'; length];
        let (binding, random) = ([length as u8; 32], [length as u8 + 1; 64]);
        let initiator = Initiator::new(&password, b"info", &binding, random);
        let (share, theirs) = CpaceResponder::<Suite>::respond(
            &initiator.share(),
            &password,
            b"info",
            &binding,
            b"",
            b"",
            CpaceMode::InitiatorResponder,
            &mut Seeded(fastrand::Rng::with_seed(length as u64)),
        )
        .unwrap();
        let share: Share = share.try_into().unwrap();
        let their_key = mac_key(&binding, theirs.isk.as_bytes().try_into().unwrap());
        let tag_of_initiator = initiator.finish(&share, &tag(&their_key, &share));
        assert_eq!(
            tag_of_initiator,
            Some(tag(&their_key, &initiator.share())),
            "a password of {length} bytes"
        );

        let (share, theirs) = CpaceInitiator::<Suite>::start(
            &password,
            b"info",
            &binding,
            b"",
            &mut Seeded(fastrand::Rng::with_seed(length as u64)),
        )
        .unwrap();
        let share: Share = share.try_into().unwrap();
        let responder = Responder::new(&password, b"info", &binding, random, &share).unwrap();
        let theirs = theirs.finish(&responder.share(), b"", CpaceMode::InitiatorResponder).unwrap();
        let their_key = mac_key(&binding, theirs.isk.as_bytes().try_into().unwrap());
        assert_eq!(responder.tag(), tag(&their_key, &responder.share()), "a password of {length} bytes");
        assert!(responder.verify(&tag(&their_key, &share)));
    }
}
