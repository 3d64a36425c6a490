//! CPace: the two ends of a link prove to each other that they know the same password (protocol 20.1).
//!
//! This is draft-irtf-cfrg-cpace-21 with the cipher suite CPACE-RISTR255-SHA512, an initiator and a responder, no
//! associated data, and explicit key confirmation. One exchange lets an end that does not know the password test one
//! guess, and a recorded exchange lets nobody test any. There is no I/O here, and the randomness is an argument.

use std::fmt;

use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto, traits::IsIdentity};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha512};

use crate::{Runtime, transport::Binding};

#[cfg(test)]
mod tests;

/// A share of the exchange: an encoded element of ristretto255.
pub type Share = [u8; 32];
/// A tag that confirms the key: HMAC-SHA512 of the sender's share.
pub type Tag = [u8; 64];

/// The end that begins the exchange.
pub struct Initiator {
    scalar: Scalar,
    share: Share,
    binding: Binding,
}

/// The end that answers. It knows the key already, and its tag is the first that is sent.
pub struct Responder {
    share: Share,
    their_share: Share,
    mac_key: MacKey,
}

impl Initiator {
    /// Begins to prove `password` (`PRS` of the draft) over the link with this `binding` (`sid`). `info` (`CI`) says what
    /// the password is for, so that a proof for one purpose is of no use for another one. `random` are bytes that nobody
    /// can guess, used for nothing else.
    pub fn new(password: &[u8], info: &[u8], binding: &Binding, random: [u8; 64]) -> Initiator {
        let scalar = Scalar::from_bytes_mod_order_wide(&random);
        let share = compress(scalar * generator(password, info, binding));
        Initiator { scalar, share, binding: *binding }
    }

    /// The share for the responder.
    pub fn share(&self) -> Share {
        self.share
    }

    /// The tag for the responder; nothing if the responder has not proved that it knows the password. Then the responder
    /// must not be sent anything that depends on the password.
    pub fn finish(&self, their_share: &Share, their_tag: &Tag) -> Option<Tag> {
        let secret = multiply(self.scalar, their_share)?;
        let key = session_key(&self.binding, &secret, (&self.share, b""), (their_share, b""));
        let key = mac_key(&self.binding, &key);
        mac(&key, their_share, b"").verify_slice(their_tag).ok()?;
        Some(tag(&key, &self.share))
    }
}

impl Responder {
    /// Answers the initiator that sent `their_share`; nothing if that is no share. The other arguments are those of
    /// [`Initiator::new`].
    pub fn new(
        password: &[u8],
        info: &[u8],
        binding: &Binding,
        random: [u8; 64],
        their_share: &Share,
    ) -> Option<Responder> {
        let scalar = Scalar::from_bytes_mod_order_wide(&random);
        let secret = multiply(scalar, their_share)?;
        let share = compress(scalar * generator(password, info, binding));
        let key = session_key(binding, &secret, (their_share, b""), (&share, b""));
        Some(Responder { share, their_share: *their_share, mac_key: mac_key(binding, &key) })
    }

    /// The share for the initiator.
    pub fn share(&self) -> Share {
        self.share
    }

    /// The tag for the initiator, which proves that this end knows the password.
    pub fn tag(&self) -> Tag {
        tag(&self.mac_key, &self.share)
    }

    /// The share that this answers.
    pub fn their_share(&self) -> &Share {
        &self.their_share
    }

    /// Whether `tag` proves that the initiator knows the password.
    pub fn verify(&self, tag: &Tag) -> bool {
        mac(&self.mac_key, &self.their_share, b"").verify_slice(tag).is_ok()
    }
}

/// A share or a tag as frames have it: base64url without padding (RFC 4648, section 5).
pub fn to_text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// The share or tag that a frame has; nothing if it is none by its form.
pub fn from_text<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// Random bytes for one exchange.
pub fn random(runtime: &dyn Runtime) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes.chunks_exact_mut(16).for_each(|chunk| chunk.copy_from_slice(&runtime.random().to_le_bytes()));
    bytes
}

/// The key of the tags.
type MacKey = [u8; 64];

/// `generator_string` of the draft. The zeros fill the first block of the hash, so that hashing takes the same time
/// whatever the password is, if it is not long.
fn generator_string(password: &[u8], info: &[u8], sid: &[u8]) -> Vec<u8> {
    let prefix = lv_cat(&[DSI, password]).len();
    let zeros = vec![0; SHA512_BLOCK.saturating_sub(1 + prefix)];
    lv_cat(&[DSI, password, &zeros, info, sid])
}

/// `calculate_generator` of the draft.
fn generator(password: &[u8], info: &[u8], sid: &[u8]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&Sha512::digest(generator_string(password, info, sid)).into())
}

/// `scalar_mult_vfy` of the draft: nothing where the draft has the neutral element, upon which both ends abort.
fn multiply(scalar: Scalar, share: &Share) -> Option<[u8; 32]> {
    let product = scalar * CompressedRistretto(*share).decompress()?;
    (!product.is_identity()).then(|| compress(product))
}

/// `ISK` of the draft, from both ends' shares and associated data.
fn session_key(
    sid: &[u8],
    secret: &[u8],
    initiator: (&Share, &[u8]),
    responder: (&Share, &[u8]),
) -> [u8; 64] {
    let dsi = [DSI, b"_ISK"].concat();
    let transcript = [lv_cat(&[initiator.0, initiator.1]), lv_cat(&[responder.0, responder.1])].concat();
    Sha512::new_with_prefix(lv_cat(&[&dsi, sid, secret])).chain_update(transcript).finalize().into()
}

/// `mac_key` of the draft.
fn mac_key(sid: &[u8], session_key: &[u8; 64]) -> MacKey {
    Sha512::new_with_prefix(b"CPaceMac").chain_update(sid).chain_update(session_key).finalize().into()
}

/// The `MAC` of the share and the associated data that an end has sent.
fn mac(key: &MacKey, share: &Share, associated: &[u8]) -> Hmac<Sha512> {
    let block: [u8; SHA512_BLOCK] = std::array::from_fn(|at| key.get(at).copied().unwrap_or(0));
    Hmac::<Sha512>::new(&block.into()).chain_update(lv_cat(&[share, associated]))
}

fn tag(key: &MacKey, share: &Share) -> Tag {
    mac(key, share, b"").finalize().into_bytes().into()
}

fn compress(point: RistrettoPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// `lv_cat` of the draft: each part behind its length in LEB128.
fn lv_cat(parts: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        let mut length = part.len();
        while length >= 0x80 {
            all.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        all.push(length as u8);
        all.extend_from_slice(part);
    }
    all
}

impl fmt::Debug for Initiator {
    // Without the scalar, with which passwords could be tried.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initiator").finish_non_exhaustive()
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").finish_non_exhaustive()
    }
}

/// `CI` where the password of a server is proved (protocol 20.1.1).
pub const PASSWORD: &[u8] = b"lan-chat password";
/// `CI` where the code that links another machine to a person is proved (protocol 21.6.2).
pub const LINK: &[u8] = b"lan-chat link";
/// `G_Ristretto255.DSI` of the draft.
const DSI: &[u8] = b"CPaceRistretto255";
/// `H.s_in_bytes` of the draft.
const SHA512_BLOCK: usize = 128;
