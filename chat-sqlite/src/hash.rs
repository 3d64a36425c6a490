//! A hash over everything in a row, so that a row is what was written or is not believed.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// Collects what belongs to a row. The key is no secret: it is disks that are distrusted here.
#[derive(Clone, Debug)]
pub(crate) struct Digest(SipHasher24);

impl Digest {
    /// Rows of different tables never have the same hash for being alike.
    pub(crate) fn of(table: &'static str) -> Digest {
        Digest(SipHasher24::new_with_keys(0x63_68_61_74, 0x6c_6f_67)).text(table)
    }

    pub(crate) fn number(mut self, number: u64) -> Digest {
        self.0.write_u64(number.to_le());
        self
    }

    /// With its length, so that what stands at the end of one text is not the beginning of the next.
    pub(crate) fn text(self, text: &str) -> Digest {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Digest {
        let mut it = self.number(bytes.len() as u64);
        it.0.write(bytes);
        it
    }

    /// As SQLite stores it.
    pub(crate) fn finish(self) -> i64 {
        self.0.finish().cast_signed()
    }
}
