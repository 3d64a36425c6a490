//! Keys and names: who a person is, by which keys, and how a further key becomes that person's (protocol 21).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::KeyId;

/// Makes the key of this link one of the keys of the person who has a name, by a code that this person was told.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Claim<'a> {
    /// The name of the person.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The client's share, base64url without padding.
    #[serde(borrow)]
    pub pake: Cow<'a, str>,
    /// The client's tag, which proves that it knows the code; absent the first time.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Cow<'a, str>>,
}

/// Removes a key from those of the client's own person.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Revoke {
    /// The key.
    pub key: KeyId,
}

/// Asks who has a name.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Whois<'a> {
    /// The name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
}

/// The code by which another machine becomes a part of the same person.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub struct Linked {
    /// The request's number.
    pub id: u64,
    /// Two groups of four digits.
    pub code: String,
    /// For how many milliseconds the code is good.
    pub expires_in_ms: u64,
}

impl std::fmt::Debug for Linked {
    // The code is a secret for as long as it is good.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linked").field("id", &self.id).field("code", &"…").finish_non_exhaustive()
    }
}

/// The server's share and tag, which prove that it knows a password or a code.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Prove {
    /// The number of the `claim`; absent where it answers a `hello`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The share, base64url without padding.
    pub pake: String,
    /// The tag, base64url without padding.
    pub tag: String,
}

/// The key of this link is now one of the keys of that person.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Claimed {
    /// The request's number.
    pub id: u64,
    /// The name of the person.
    pub name: String,
}

/// The keys of the client's own person.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Keys {
    /// The request's number.
    pub id: u64,
    /// The keys, the first one first: it names the person.
    pub keys: Vec<KeyOfPerson>,
}

/// One key of a person.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KeyOfPerson {
    /// The key.
    pub key: KeyId,
    /// Since when it is a key of this person, in milliseconds since 1970 (UTC).
    pub since: u64,
    /// When it opened a session last, to the day, in milliseconds since 1970 (UTC).
    pub seen: u64,
    /// Whether it is the key of this link.
    #[serde(default, skip_serializing_if = "is_false")]
    pub this: bool,
}

/// A key is no longer one of this person's.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Revoked {
    /// The request's number.
    pub id: u64,
    /// The key.
    pub key: KeyId,
}

/// Who has a name.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Person {
    /// The request's number.
    pub id: u64,
    /// The name as its owner writes it.
    pub name: String,
    /// The first key of the person; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// Whether a session has the name now.
    pub present: bool,
    /// When the owner was last here under this name, to the day, in milliseconds since 1970 (UTC); absent for a name
    /// that belongs to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
}

/// The guests among the names of a frame: people whose sessions are not encrypted, and who have proved no key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "GuestsOnWire", into = "GuestsOnWire")]
pub enum Guests {
    /// These; often nobody.
    Named(Vec<String>),
    /// All of the names.
    All,
}

impl Guests {
    /// Whether the frame says that the person called `name`, whom it names, is a guest.
    pub fn include(&self, name: &str) -> bool {
        match self {
            Guests::Named(names) => names.iter().any(|guest| guest == name),
            Guests::All => true,
        }
    }

    /// Whether nobody is a guest.
    pub fn are_none(&self) -> bool {
        matches!(self, Guests::Named(names) if names.is_empty())
    }

    /// The guests among names of which it is known who is one.
    pub(crate) fn among<'a>(names: impl Iterator<Item = (&'a str, bool)> + Clone) -> Guests {
        if names.clone().all(|(_, is_guest)| is_guest) && names.clone().next().is_some() {
            return Guests::All;
        }
        Guests::Named(names.filter(|(_, is_guest)| *is_guest).map(|(name, _)| name.to_owned()).collect())
    }
}

impl Default for Guests {
    fn default() -> Guests {
        Guests::Named(Vec::new())
    }
}

/// As a frame has them.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum GuestsOnWire {
    All(bool),
    Named(Vec<String>),
}

impl From<GuestsOnWire> for Guests {
    fn from(read: GuestsOnWire) -> Guests {
        match read {
            GuestsOnWire::All(true) => Guests::All,
            GuestsOnWire::All(false) => Guests::default(),
            GuestsOnWire::Named(names) => Guests::Named(names),
        }
    }
}

impl From<Guests> for GuestsOnWire {
    fn from(guests: Guests) -> GuestsOnWire {
        match guests {
            Guests::All => GuestsOnWire::All(true),
            Guests::Named(names) => GuestsOnWire::Named(names),
        }
    }
}
