//! The epoch of a room: the log's epoch, and which room with its name it is.

use data_encoding::BASE64URL_NOPAD;

/// The epoch of a room of the log with this epoch. `incarnation` is that of the record that made the room, or zero for
/// a room that is older than such records.
pub fn epoch_of_room(epoch: &str, incarnation: u64) -> String {
    match incarnation {
        0 => epoch.to_owned(),
        _ => format!("{epoch}.{}", BASE64URL_NOPAD.encode(&incarnation.to_be_bytes())),
    }
}

/// The log's epoch and the incarnation that a room's epoch consists of; nothing if it is no such epoch.
pub fn parts_of_epoch(epoch: &str) -> Option<(&str, u64)> {
    let Some((epoch, incarnation)) = epoch.split_once('.') else { return Some((epoch, 0)) };
    let bytes = BASE64URL_NOPAD.decode(incarnation.as_bytes()).ok()?;
    let incarnation = u64::from_be_bytes(bytes.try_into().ok()?);
    (incarnation != 0).then_some((epoch, incarnation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_taken_apart_as_it_was_put_together() {
        for incarnation in [0, 1, 7 << 40, u64::MAX] {
            let epoch = epoch_of_room("Xk", incarnation);
            assert_eq!(parts_of_epoch(&epoch), Some(("Xk", incarnation)));
        }
        for wrong in ["Xk.", "Xk.AAAAAAAAAAA", "Xk.A", "Xk.AAAAAAAAAAB.", "Xk.????"] {
            assert_eq!(parts_of_epoch(wrong), None, "{wrong}");
        }
    }
}
