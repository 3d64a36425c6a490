//! Bytes as decisions: a script of lines, each of which is a step, in characters that can be read and typed.

/// What is left of a line. Where it has ended, whatever is asked for is the first choice.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a [u8]);

/// The steps of a script: its lines, as many as are worth the time.
pub fn steps(script: &[u8]) -> impl Iterator<Item = Line<'_>> {
    script.split(|byte| *byte == b'\n').take(STEPS).map(Line)
}

impl<'a> Line<'a> {
    /// The next character.
    pub fn letter(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return b'0' };
        self.0 = rest;
        *first
    }

    /// One of so many.
    pub fn below(&mut self, count: usize) -> usize {
        place(self.letter()) % count
    }

    /// A number: a digit is itself, a letter one at which something may change.
    pub fn number(&mut self) -> u64 {
        let place = place(self.letter()) % (10 + EDGES.len());
        place.checked_sub(10).map_or(place as u64, |it| EDGES[it])
    }

    /// A number, or none for `-`.
    pub fn maybe(&mut self) -> Option<u64> {
        if self.0.first() == Some(&b'-') {
            self.letter();
            return None;
        }
        Some(self.number())
    }

    /// The rest of the line, as a text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(std::mem::take(&mut self.0)).into_owned()
    }
}

fn place(letter: u8) -> usize {
    usize::from(match letter {
        b'0'..=b'9' => letter - b'0',
        b'a'..=b'z' => letter - b'a' + 10,
        b'A'..=b'Z' => letter - b'A' + 36,
        other => other,
    })
}

/// Numbers that are just at, below or over some limit, as the letters `a` to `z`.
const EDGES: [u64; 26] = [
    10,
    15,
    16,
    17,
    20,
    31,
    32,
    33,
    50,
    64,
    65,
    100,
    101,
    128,
    129,
    250,
    256,
    257,
    1000,
    5000,
    15_000,
    45_000,
    65_507,
    1 << 32,
    MAX - 1,
    MAX,
];

const MAX: u64 = (1 << 53) - 1;

/// Scripts are cut there: what needs more steps is found by other means.
const STEPS: usize = 200;
