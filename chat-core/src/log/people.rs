//! The people of a log: which keys are one person's, and which names that person owns (protocol 21).

use std::{collections::HashMap, sync::Arc};

use crate::{KeyId, PersonName};

/// Something durable about people. Times are in milliseconds since 1970 (UTC).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PeopleRecord {
    /// The person who has `key` owns `name` from here on; a key that is unknown is that of a new person. Refused if the
    /// name, or one that looks like it, has an owner, or if there are as many names as there may be.
    NameClaimed {
        /// The name as its owner writes it.
        name: PersonName,
        /// One of the owner's keys.
        key: KeyId,
        /// When the owner had a session with the name.
        at: u64,
    },
    /// The owner of a name had a session with it. Refused if the name belongs to another person.
    NameSeen {
        /// The name.
        name: PersonName,
        /// The key that the session had.
        key: KeyId,
        /// When.
        at: u64,
    },
    /// A name belongs to nobody from here on; a person without a name is forgotten. Refused if the name was not seen last
    /// at `seen`: then its owner has come back.
    NameReleased {
        /// The name.
        name: PersonName,
        /// When the name was last seen.
        seen: u64,
    },
    /// `key` is one of the keys of the person who has the key `with`. A person who had `key` alone becomes a part of that
    /// person. Refused if there is no such person, if the person has `key` already, or has as many keys as one may.
    KeyLinked {
        /// The key.
        key: KeyId,
        /// A key of the person.
        with: KeyId,
        /// When.
        at: u64,
    },
    /// `key` is no key of its person any more. Refused if it and `stays` are not two keys of one person: so a person's last
    /// key cannot be removed.
    KeyRevoked {
        /// The key.
        key: KeyId,
        /// Another key of the person.
        stays: KeyId,
    },
}

/// The people whom a log knows. Every log and every server applies the same records by [`People::apply`] alone, so that all
/// of them agree. Cheap to clone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct People {
    /// By the first key.
    people: HashMap<KeyId, Arc<Person>>,
    /// The first key of the person who has a key.
    keys: HashMap<KeyId, KeyId>,
    /// The first key of the owner, by what the name looks like.
    names: HashMap<Arc<str>, KeyId>,
}

/// One person, who has at least one key and owns at least one name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// The first one names the person.
    pub keys: Vec<PersonKey>,
    /// In the order in which they were claimed.
    pub names: Vec<OwnedName>,
}

/// A key of a person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PersonKey {
    /// The key.
    pub key: KeyId,
    /// Since when it is one of this person's.
    pub since: u64,
    /// When it was last seen with one of the person's names.
    pub seen: u64,
}

/// A name that a person owns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnedName {
    /// The name as its owner writes it.
    pub name: PersonName,
    /// When the owner was last here with it.
    pub seen: u64,
}

impl Person {
    /// The key that names the person.
    pub fn id(&self) -> KeyId {
        self.keys[0].key
    }

    /// Whether `key` is one of the person's.
    pub fn has(&self, key: KeyId) -> bool {
        self.keys.iter().any(|known| known.key == key)
    }

    fn name(&mut self, skeleton: &str) -> Option<&mut OwnedName> {
        self.names.iter_mut().find(|owned| owned.name.skeleton() == skeleton)
    }
}

impl People {
    /// The person who has a key.
    pub fn person(&self, key: KeyId) -> Option<&Person> {
        self.people.get(self.keys.get(&key)?).map(Arc::as_ref)
    }

    /// The first key of the person who has a key: the key itself, if nobody is known who has it.
    pub fn id_of(&self, key: KeyId) -> KeyId {
        self.keys.get(&key).copied().unwrap_or(key)
    }

    /// The owner of a name, or of one that looks like it, and that name.
    pub fn owner(&self, name: &PersonName) -> Option<(&Person, &OwnedName)> {
        let skeleton = name.skeleton();
        let person = self.people.get(self.names.get(&*skeleton)?)?;
        person.names.iter().find(|owned| owned.name.skeleton() == skeleton).map(|owned| (&**person, owned))
    }

    /// All people, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.people.values().map(Arc::as_ref)
    }

    /// How many names have an owner.
    pub fn names(&self) -> usize {
        self.names.len()
    }

    /// Puts back a person whom a log has kept; false, and nothing is changed, if the person lacks a key or a name, or has
    /// one that another person has.
    pub fn restore(&mut self, person: Person) -> bool {
        let is_new = !person.keys.is_empty()
            && !person.names.is_empty()
            && person.keys.iter().all(|known| !self.keys.contains_key(&known.key))
            && person.names.iter().all(|owned| !self.names.contains_key(&*owned.name.skeleton()));
        if is_new {
            self.insert(person);
        }
        is_new
    }

    /// Applies a record. Returns the ids of the people whom it has changed, those who are no more included; `None`, and
    /// nothing is changed, if the record does not fit.
    pub fn apply(&mut self, record: &PeopleRecord) -> Option<Vec<KeyId>> {
        match record {
            PeopleRecord::NameClaimed { name, key, at } => self.claim(name, *key, *at),
            PeopleRecord::NameSeen { name, key, at } => self.see(name, *key, *at),
            PeopleRecord::NameReleased { name, seen } => self.release(name, *seen),
            PeopleRecord::KeyLinked { key, with, at } => self.link(*key, *with, *at),
            PeopleRecord::KeyRevoked { key, stays } => self.revoke(*key, *stays),
        }
    }

    fn claim(&mut self, name: &PersonName, key: KeyId, at: u64) -> Option<Vec<KeyId>> {
        if self.names.contains_key(&*name.skeleton()) || self.names.len() >= MAX_NAMES {
            return None;
        }
        let mut person = match self.person(key) {
            Some(person) if person.names.len() >= MAX_NAMES_OF_ONE => return None,
            Some(person) => person.clone(),
            None => Person { keys: vec![PersonKey { key, since: at, seen: at }], names: Vec::new() },
        };
        person.names.push(OwnedName { name: name.clone(), seen: at });
        self.replace(person)
    }

    fn see(&mut self, name: &PersonName, key: KeyId, at: u64) -> Option<Vec<KeyId>> {
        let mut person = self.owner(name)?.0.clone();
        person.keys.iter_mut().find(|known| known.key == key)?.seen = at;
        person.name(&name.skeleton())?.seen = at;
        self.replace(person)
    }

    fn release(&mut self, name: &PersonName, seen: u64) -> Option<Vec<KeyId>> {
        let (person, owned) = self.owner(name)?;
        if owned.seen != seen {
            return None;
        }
        let (mut person, skeleton) = (person.clone(), name.skeleton());
        let id = person.id();
        self.remove(id);
        person.names.retain(|owned| owned.name.skeleton() != skeleton);
        if !person.names.is_empty() {
            self.insert(person);
        }
        Some(vec![id])
    }

    fn link(&mut self, key: KeyId, with: KeyId, at: u64) -> Option<Vec<KeyId>> {
        let mut person = self.person(with)?.clone();
        if person.has(key) || person.keys.len() >= MAX_KEYS_OF_ONE {
            return None;
        }
        let mut changed = vec![person.id()];
        if let Some(before) = self.person(key) {
            let mut before = before.clone();
            changed.push(before.id());
            self.remove(before.id());
            before.keys.retain(|known| known.key != key);
            if before.keys.is_empty() {
                let free = MAX_NAMES_OF_ONE.saturating_sub(person.names.len());
                person.names.extend(before.names.into_iter().take(free));
            } else {
                changed.push(before.id());
                self.insert(before);
            }
        }
        person.keys.push(PersonKey { key, since: at, seen: at });
        self.replace(person);
        Some(changed)
    }

    fn revoke(&mut self, key: KeyId, stays: KeyId) -> Option<Vec<KeyId>> {
        let mut person = self.person(key).filter(|person| key != stays && person.has(stays))?.clone();
        let before = person.id();
        self.remove(before);
        person.keys.retain(|known| known.key != key);
        let changed = vec![before, person.id()];
        self.insert(person);
        Some(changed)
    }

    /// Puts a person in the place of the one with the same id.
    fn replace(&mut self, person: Person) -> Option<Vec<KeyId>> {
        let id = person.id();
        self.remove(id);
        self.insert(person);
        Some(vec![id])
    }

    fn remove(&mut self, id: KeyId) {
        let Some(person) = self.people.remove(&id) else { return };
        for known in &person.keys {
            self.keys.remove(&known.key);
        }
        for owned in &person.names {
            self.names.remove(&*owned.name.skeleton());
        }
    }

    fn insert(&mut self, person: Person) {
        let id = person.id();
        self.keys.extend(person.keys.iter().map(|known| (known.key, id)));
        self.names.extend(person.names.iter().map(|owned| (owned.name.skeleton().into(), id)));
        self.people.insert(id, Arc::new(person));
    }
}

/// Names that have an owner, of all people: as many as there may be rooms. All of them take about 10 MB.
pub const MAX_NAMES: usize = 10_000;
/// Names that one person owns: nobody needs more, and nobody keeps many from others.
pub const MAX_NAMES_OF_ONE: usize = 8;
/// Keys that one person has: one for each machine.
pub const MAX_KEYS_OF_ONE: usize = 8;

#[cfg(test)]
mod tests;
