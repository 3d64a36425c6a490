//! The checksum over all columns of a row. A row whose checksum is wrong was changed since it was written, and is not
//! used.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// Collects the columns of a row. The key is no secret: a checksum finds damage by disks, not by people.
#[derive(Clone, Debug)]
pub(crate) struct Checksum(SipHasher24);

impl Checksum {
    /// Begins the checksum of a row of `table`, so that equal rows of different tables have different ones.
    pub(crate) fn of(table: &'static str) -> Checksum {
        Checksum(SipHasher24::new_with_keys(0x63_68_61_74, 0x6c_6f_67)).text(table)
    }

    pub(crate) fn number(mut self, number: u64) -> Checksum {
        self.0.write_u64(number.to_le());
        self
    }

    /// Adds the length too, so that characters cannot move from the end of one text to the beginning of the next.
    pub(crate) fn text(self, text: &str) -> Checksum {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Checksum {
        let mut checksum = self.number(bytes.len() as u64);
        checksum.0.write(bytes);
        checksum
    }

    /// As SQLite stores it.
    pub(crate) fn finish(self) -> i64 {
        self.0.finish().cast_signed()
    }
}
