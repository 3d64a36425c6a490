//! Where something is said: in a room, or to one person.

use chat_core::{NameError, PersonName, is_same_name};

/// A room or a person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// The room of this name.
    Room(String),
    /// One person, by direct messages.
    Person(String),
}

impl Place {
    /// The direct messages with the person called `name`, which may begin with `@`.
    ///
    /// # Errors
    /// When no person can have that name.
    pub fn person(name: &str) -> Result<Place, NameError> {
        let name = PersonName::parse(name.strip_prefix('@').unwrap_or(name))?;
        Ok(Place::Person(name.as_str().to_owned()))
    }

    /// The place of a user who is in no room: a room without a name, which no real room has.
    pub fn nowhere() -> Place {
        Place::Room(String::new())
    }

    /// Whether this is [`Place::nowhere`].
    pub fn is_nowhere(&self) -> bool {
        matches!(self, Place::Room(name) if name.is_empty())
    }

    /// Whether both are the same place, however they are spelled.
    pub fn is(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Room(one), Place::Room(other)) | (Place::Person(one), Place::Person(other)) => {
                is_same(one, other)
            }
            _ => false,
        }
    }

    /// The name in a list of rooms: a person's begins with `@`.
    pub fn title(&self) -> String {
        match self {
            Place::Room(name) => name.clone(),
            Place::Person(name) => format!("@{name}"),
        }
    }
}

/// Whether two spellings mean the same room or person, as far as the user is concerned; the server decides for itself.
pub fn is_same(one: &str, other: &str) -> bool {
    is_same_name(one, other)
}
