//! Which rooms the user has entered, and in which one a line is said.

/// The rooms entered, the current one last.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    entered: Vec<String>,
}

impl Rooms {
    /// The room entered last, of those not left.
    pub(crate) fn current(&self) -> Option<&str> {
        self.entered.last().map(String::as_str)
    }

    /// Whether `room` was entered and not left.
    pub(crate) fn has(&self, room: &str) -> bool {
        self.entered.iter().any(|it| is_same(it, room))
    }

    pub(crate) fn enter(&mut self, room: &str) {
        self.leave(room);
        self.entered.push(room.to_owned());
    }

    pub(crate) fn leave(&mut self, room: &str) {
        self.entered.retain(|it| !is_same(it, room));
    }
}

/// Whether two spellings mean the same room, as far as the user is concerned; the server decides for itself.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_room_is_the_last_one_entered_and_not_left() {
        let mut rooms = Rooms::default();
        assert_eq!(rooms.current(), None);
        rooms.enter("lobby");
        rooms.enter("kitchen");
        rooms.enter("Lobby");
        assert_eq!(rooms.current(), Some("Lobby"));
        rooms.leave("LOBBY");
        assert_eq!(rooms.current(), Some("kitchen"));
        assert!(rooms.has("KITCHEN") && !rooms.has("lobby"));
        rooms.leave("nowhere");
        rooms.leave("kitchen");
        assert_eq!(rooms.current(), None);
    }
}
