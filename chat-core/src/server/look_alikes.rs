//! What the names of rooms look like, so that no room is made that looks like one that exists.

use dashmap::{DashMap, Entry};

use crate::RoomName;

/// The rooms by the skeletons of their names.
#[derive(Debug, Default)]
pub(super) struct LookAlikes {
    rooms: DashMap<String, RoomName>,
}

impl LookAlikes {
    /// Takes in a room that is about to be made.
    ///
    /// # Errors
    /// The room that exists and looks like it.
    pub(super) fn claim(&self, room: &RoomName) -> Result<(), RoomName> {
        match self.rooms.entry(room.skeleton()) {
            Entry::Occupied(other) if other.get() != room => Err(other.get().clone()),
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(free) => {
                free.insert(room.clone());
                Ok(())
            }
        }
    }

    /// Takes in a room that exists, whatever others look like: the log may hold rooms from before this was looked at.
    pub(super) fn note(&self, room: &RoomName) {
        let _ = self.claim(room);
    }

    /// The room does not exist any more.
    pub(super) fn forget(&self, room: &RoomName) {
        self.rooms.remove_if(&room.skeleton(), |_, known| known == room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_another_is_free_once_that_is_forgotten() {
        let name = |raw: &str| RoomName::parse(raw).unwrap();
        let rooms = LookAlikes::default();
        assert_eq!(rooms.claim(&name("lobby")), Ok(()));
        assert_eq!(rooms.claim(&name("LOBBY")), Ok(()), "it is the same room");
        for alike in ["Iobby", "1obby", "l0bby", "ⅼobby", "lоbby"] {
            if let Ok(alike) = RoomName::parse(alike) {
                assert_eq!(rooms.claim(&alike), Err(name("lobby")), "{alike}");
            }
        }
        assert_eq!(rooms.claim(&name("lobby-2")), Ok(()));
        rooms.note(&name("1obby"));
        rooms.forget(&name("1obby"));
        assert_eq!(rooms.claim(&name("1obby")), Err(name("lobby")), "another room was forgotten");
        rooms.forget(&name("lobby"));
        assert_eq!(rooms.claim(&name("1obby")), Ok(()));
    }
}
