//! A key in a file that a passphrase protects: Argon2id makes a key of the passphrase, ChaCha20-Poly1305 seals with it.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

use anyhow::{Context, anyhow, bail};
use argon2::{Algorithm, Argon2, Params, Version};
use chat_core::Runtime;
use chat_secure::StaticKey;
use data_encoding::BASE64URL_NOPAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};

/// The content of the file.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Sealed {
    /// The version of this format, which has all parameters.
    chat_key: u64,
    salt: String,
    sealed: String,
}

/// Writes `key` into a new file.
///
/// # Errors
/// When the file exists or cannot be written.
pub(super) fn write(
    path: &Path,
    key: &StaticKey,
    passphrase: &str,
    runtime: &dyn Runtime,
) -> anyhow::Result<()> {
    let sealed = Sealed::of(key, passphrase, runtime.random().to_be_bytes())?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => anyhow!("{} already exists", path.display()),
        _ => anyhow!("cannot write {}: {error}", path.display()),
    })?;
    let written = serde_json::to_string(&sealed)
        .map_err(io::Error::from)
        .and_then(|text| writeln!(file, "{text}"))
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path); // a part of it would be of no use
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a file that [`write`] has written.
///
/// # Errors
/// When the file cannot be read or is another one.
pub(super) fn read(path: &Path) -> anyhow::Result<Sealed> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_read = file.take(MAX_BYTES).read_to_string(&mut text).is_ok();
    let sealed: Option<Sealed> = serde_json::from_str(&text).ok().filter(|_| is_read);
    match sealed {
        Some(sealed) if sealed.chat_key == FORMAT => Ok(sealed),
        Some(_) => bail!("{} was written by a newer version of this program", path.display()),
        None => bail!("{} is no key that `chat key export` has written", path.display()),
    }
}

impl Sealed {
    fn of(key: &StaticKey, passphrase: &str, salt: [u8; 16]) -> anyhow::Result<Sealed> {
        let mut bytes = key.private().to_vec();
        let sealing = sealing_key(passphrase, &salt)?;
        let sealed = sealing.seal_in_place_append_tag(only_nonce(), Aad::from(CONTEXT), &mut bytes);
        sealed.map_err(|_| anyhow!("the key cannot be sealed"))?;
        let (salt, sealed) = (BASE64URL_NOPAD.encode(&salt), BASE64URL_NOPAD.encode(&bytes));
        Ok(Sealed { chat_key: FORMAT, salt, sealed })
    }

    /// The key.
    ///
    /// # Errors
    /// When the passphrase is wrong, or the file was changed.
    pub(super) fn open(&self, passphrase: &str) -> anyhow::Result<StaticKey> {
        let decoded = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).context("the file is damaged");
        let (salt, mut bytes) = (decoded(&self.salt)?, decoded(&self.sealed)?);
        let opened =
            sealing_key(passphrase, &salt)?.open_in_place(only_nonce(), Aad::from(CONTEXT), &mut bytes);
        let private = opened.ok().and_then(|private| <[u8; 32]>::try_from(&*private).ok());
        private.map(StaticKey::from_private).context("the passphrase is wrong, or the file was changed")
    }
}

fn sealing_key(passphrase: &str, salt: &[u8]) -> anyhow::Result<LessSafeKey> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| anyhow!("{error}"))?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut key)
        .map_err(|_| anyhow!("the file is damaged"))?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, &key).map_err(|_| anyhow!("the file is damaged"))?;
    Ok(LessSafeKey::new(key))
}

/// The salt is new each time, and so is the key that seals: it seals once.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// The version of the format.
const FORMAT: u64 = 1;
/// Sets exported keys apart from everything else that is sealed with the same cipher.
const CONTEXT: &[u8] = b"lan-chat key export 1";
/// What a guess costs: the second recommendation of RFC 9106, section 4.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// The largest file that is read, in bytes; one that was written has some 130.
const MAX_BYTES: u64 = 4096;
