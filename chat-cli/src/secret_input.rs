//! Reads a secret from the terminal without showing it.

use std::io;

/// Why no secret was read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSecret {
    #[error("there is no terminal to ask on")]
    NoTerminal,
    #[error("nothing was entered")]
    Nothing,
    #[error("it is not UTF-8, or longer than {MAX} bytes")]
    Unusable,
    #[error("the terminal cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Shows `question` and reads a line, of which nothing is shown.
///
/// # Errors
/// When there is no terminal, or no line was entered.
#[cfg(unix)]
pub(crate) fn ask(question: &str) -> Result<String, NoSecret> {
    use std::{
        fs::File,
        io::{Read as _, Write as _},
    };

    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

    // The controlling terminal, as standard input and output may be files.
    let mut terminal =
        File::options().read(true).write(true).open("/dev/tty").map_err(|_| NoSecret::NoTerminal)?;
    let before = tcgetattr(&terminal).map_err(io::Error::from)?;
    let mut quiet = before.clone();
    // Ctrl-C is read as a byte: the terminal gets its modes back in any case.
    quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
    quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
    quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
    terminal.write_all(question.as_bytes())?;
    tcsetattr(&terminal, OptionalActions::Flush, &quiet).map_err(io::Error::from)?;
    let mut typed = Typed::default();
    let read = loop {
        let mut byte = [0];
        match terminal.read(&mut byte) {
            Ok(0) => break Err(NoSecret::Nothing),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(error.into()),
        }
        if let Some(line) = typed.byte(byte[0]) {
            break line;
        }
    };
    let restored = tcsetattr(&terminal, OptionalActions::Now, &before).map_err(io::Error::from);
    let _ = terminal.write_all(b"\n"); // the line end was not shown either
    restored?;
    read
}

/// On other systems secrets come from files.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub(crate) fn ask(_: &str) -> Result<String, NoSecret> {
    Err(NoSecret::NoTerminal)
}

/// What was typed so far.
#[derive(Default)]
struct Typed(Vec<u8>);

impl Typed {
    /// Takes the next byte. Returns the line once it is complete, or why there is none.
    fn byte(&mut self, byte: u8) -> Option<Result<String, NoSecret>> {
        match byte {
            b'\r' | b'\n' if self.0.is_empty() => return Some(Err(NoSecret::Nothing)),
            b'\r' | b'\n' => {
                let line = String::from_utf8(std::mem::take(&mut self.0));
                return Some(line.map_err(|_| NoSecret::Unusable));
            }
            CTRL_C | CTRL_D => return Some(Err(NoSecret::Nothing)),
            CTRL_U => self.0.clear(),
            BACKSPACE | DELETE => {
                // A character may have several bytes; those after its first begin with the bits 10.
                while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            _ if self.0.len() == MAX => return Some(Err(NoSecret::Unusable)),
            byte => self.0.push(byte),
        }
        None
    }
}

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_U: u8 = 21;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// The longest secret, in bytes: as long as a password may be.
const MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Result<String, String> {
        let mut typed = Typed::default();
        let line = bytes.iter().find_map(|byte| typed.byte(*byte)).unwrap();
        line.map_err(|why| why.to_string())
    }

    #[test]
    fn a_line_can_be_mended_while_it_is_typed() {
        assert_eq!(typed(b"sesame\r").as_deref(), Ok("sesame"));
        assert_eq!(typed("grün\u{7f}\u{7f}\u{7f}rün\n".as_bytes()).as_deref(), Ok("grün"));
        assert_eq!(typed(b"wrong\x15right\n").as_deref(), Ok("right"));
        for nothing in [&b"\n"[..], b"ses\x03", b"ses\x04"] {
            assert_eq!(typed(nothing), Err("nothing was entered".to_owned()));
        }
        assert!(typed(&[b'x'; 513]).is_err() && typed(b"\xff\n").is_err());
    }
}
