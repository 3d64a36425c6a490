//! A key as 24 words (BIP-39, English) and back. The words are the 32 private bytes and a checksum of eight bits.

use anyhow::{Context, bail};
use bip39::{Error, Language, Mnemonic};
use chat_secure::StaticKey;

/// The words of `key`.
///
/// # Errors
/// None happens: 32 bytes always have words.
pub(super) fn of(key: &StaticKey) -> anyhow::Result<Vec<&'static str>> {
    let words =
        Mnemonic::from_entropy_in(Language::English, key.private()).context("the key has no words")?;
    Ok(words.words().collect())
}

/// The key of the words in `text`, which may have numbers between them, as `chat key words` shows them.
///
/// # Errors
/// When they are not 24 words, one is not in the list, or they do not belong together.
pub(super) fn key(text: &str) -> anyhow::Result<StaticKey> {
    let words: Vec<String> =
        text.split_whitespace().filter(|word| word.parse::<u8>().is_err()).map(str::to_lowercase).collect();
    if words.len() != COUNT {
        bail!("a key has {COUNT} words, and these are {}", words.len());
    }
    let entropy = match Mnemonic::parse_in_normalized(Language::English, &words.join(" ")) {
        Ok(mnemonic) => mnemonic.to_entropy(),
        Err(Error::UnknownWord(at)) => bail!(
            "word {} is none of the list: {}; check its spelling",
            at + 1,
            words.get(at).map_or("", String::as_str)
        ),
        Err(_) => bail!("the words do not belong together: one of them is wrong, or their order is"),
    };
    let private: [u8; 32] = entropy.try_into().ok().context("the words are those of another kind of key")?;
    Ok(StaticKey::from_private(private))
}

/// How many words a key has.
const COUNT: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_words() {
        let words = of(&StaticKey::from_private([0xff; 32])).unwrap().join(" ");
        // The vector of BIP-39 for 32 bytes of 0xff.
        assert_eq!(words, format!("{}vote", "zoo ".repeat(23)));
        let back = key(&format!(" 1  {}\n", words.to_uppercase())).unwrap();
        assert_eq!(back.private(), &[0xff; 32]);
    }

    #[test]
    fn wrong_words_are_named() {
        let why = |text: &str| key(text).unwrap_err().to_string();
        assert_eq!(why("zoo zoo"), "a key has 24 words, and these are 2");
        assert!(
            why(&format!("{}vote", "zoo ".repeat(23)).replacen("zoo", "zooo", 1))
                .starts_with("word 1 is none")
        );
        assert!(why(&"zoo ".repeat(24)).contains("do not belong together"));
    }
}
