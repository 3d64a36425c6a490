//! The two suites of ciphers: how each is named, and how a record is sealed and opened with a raw key.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// A Noise protocol that both ends can speak. The client's first frame names it (protocol 19.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Suite {
    /// For processors with instructions for AES, as nearly all have that run programs.
    #[default]
    AesGcm,
    /// For clients that cannot do AES fast, such as pages.
    ChaChaPoly,
}

/// The key of one direction of a link, for some time.
pub(crate) type RawKey = [u8; 32];

impl Suite {
    /// All suites.
    pub const ALL: [Suite; 2] = [Suite::AesGcm, Suite::ChaChaPoly];

    /// The name of the Noise protocol.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AesGcm => "Noise_XX_25519_AESGCM_SHA256",
            Suite::ChaChaPoly => "Noise_XX_25519_ChaChaPoly_SHA256",
        }
    }

    /// The name of the Noise protocol of handshakes by ticket (protocol 19.17).
    pub fn with_ticket(self) -> &'static str {
        match self {
            Suite::AesGcm => "Noise_NNpsk0_25519_AESGCM_SHA256",
            Suite::ChaChaPoly => "Noise_NNpsk0_25519_ChaChaPoly_SHA256",
        }
    }

    /// The suite of this name.
    pub fn named(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// The suite of handshakes by ticket of this name.
    pub(crate) fn named_with_ticket(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.with_ticket() == name)
    }

    /// Seals `bytes` in place under a number that was not used with `key` before, and returns the tag.
    pub(crate) fn seal(self, key: &RawKey, number: u64, bytes: &mut [u8]) -> [u8; TAG] {
        let tag = self.expand(key).seal_in_place_separate_tag(self.nonce(number), Aad::empty(), bytes);
        let tag = tag.expect("a record is far smaller than what a nonce can seal");
        tag.as_ref().try_into().expect("both ciphers have tags of 16 bytes")
    }

    /// Opens `bytes`, which end with the tag, in place. Returns whether they were sealed with this key under this number;
    /// if not, they are no longer of use.
    pub(crate) fn open(self, key: &RawKey, number: u64, bytes: &mut [u8]) -> bool {
        self.expand(key).open_in_place(self.nonce(number), Aad::empty(), bytes).is_ok()
    }

    /// The key that follows `key`: `REKEY` of Noise, section 4.2.
    pub(crate) fn next_key(self, key: &RawKey) -> RawKey {
        let mut next = [0; 32];
        self.seal(key, u64::MAX, &mut next);
        next
    }

    /// Expanding a key takes less time than reading an expanded one that is no longer in the processor's cache, and a link
    /// that keeps none is smaller by a kilobyte.
    fn expand(self, key: &RawKey) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(self.algorithm(), key).expect("both ciphers have keys of 32 bytes"))
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Suite::AesGcm => &AES_256_GCM,
            Suite::ChaChaPoly => &CHACHA20_POLY1305,
        }
    }

    /// The nonce of a number: Noise, sections 12.3 and 12.4.
    fn nonce(self, number: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&match self {
            Suite::AesGcm => number.to_be_bytes(),
            Suite::ChaChaPoly => number.to_le_bytes(),
        });
        Nonce::assume_unique_for_key(nonce)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The bytes by which sealing makes a record longer.
pub(crate) const TAG: usize = 16;
