//! The settings file (TOML): reads it, and changes it without losing its comments.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use chat_core::{Address, PersonName, RoomName};
use serde::Deserialize;
use toml::Spanned;

use super::{
    setting::{Origin, Setting},
    value::{Colours, Encryption, InFile, List, Notifications},
};
use crate::atomic_file::AtomicFile;

/// The values in a settings file.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) name: Option<Setting<PersonName>>,
    pub(super) rooms: Option<Setting<List<RoomName>>>,
    pub(super) server: Option<Setting<Address>>,
    pub(super) colours: Option<Setting<Colours>>,
    pub(super) notifications: Option<Setting<Notifications>>,
    pub(super) encryption: Option<Setting<Encryption>>,
    pub(super) password_file: Option<Setting<PathBuf>>,
}

/// The keys and values of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    name: Option<Spanned<InFile<PersonName>>>,
    rooms: Option<Spanned<Vec<InFile<RoomName>>>>,
    server: Option<Spanned<InFile<Address>>>,
    colours: Option<Spanned<InFile<Colours>>>,
    notifications: Option<Spanned<InFile<Notifications>>>,
    encryption: Option<Spanned<InFile<Encryption>>>,
    password_file: Option<Spanned<InFile<PathBuf>>>,
}

/// Reads the file at `path`, if it exists.
///
/// # Errors
/// When the file cannot be read or has an invalid line; the message names the line.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Written>> {
    let Some(text) = text(path)? else { return Ok(None) };
    parse(&text).map(Some).map_err(|(line, why)| anyhow!("{}:{line}: {why}", path.display()))
}

/// The text of the file, if it exists.
fn text(path: &Path) -> anyhow::Result<Option<String>> {
    let reading = || format!("cannot read the settings file {}", path.display());
    let mut bytes = Vec::new();
    match fs::metadata(path) {
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Ok(existing) if !existing.is_file() => bail!("{}: not a file", reading()),
        _ => {}
    }
    let file = File::open(path).with_context(reading)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).with_context(reading)?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{}: longer than {MAX_BYTES} bytes", reading());
    }
    String::from_utf8(bytes).map(Some).map_err(|why| {
        let line = line_of(why.as_bytes(), why.utf8_error().valid_up_to());
        anyhow!("{}:{line}: not UTF-8", path.display())
    })
}

/// Parses `text`, or returns the number of the first invalid line and the reason.
fn parse(text: &str) -> Result<Written, (usize, String)> {
    let keys: Keys = toml::from_str(text).map_err(|why| {
        let line = line_of(text.as_bytes(), why.span().map_or(0, |span| span.start));
        (line, why.message().replace("unknown field", "no setting is called").replace('\n', " "))
    })?;
    fn setting<T, U>(text: &str, of: Option<Spanned<T>>, to: impl FnOnce(T) -> U) -> Option<Setting<U>> {
        let of = of?;
        let origin = Origin::File(line_of(text.as_bytes(), of.span().start));
        Some(Setting { value: to(of.into_inner()), origin })
    }
    Ok(Written {
        name: setting(text, keys.name, |value| value.0),
        rooms: setting(text, keys.rooms, |rooms| List(rooms.into_iter().map(|room| room.0).collect())),
        server: setting(text, keys.server, |value| value.0),
        colours: setting(text, keys.colours, |value| value.0),
        notifications: setting(text, keys.notifications, |value| value.0),
        encryption: setting(text, keys.encryption, |value| value.0),
        password_file: setting(text, keys.password_file, |value| value.0),
    })
}

/// The number, from 1, of the line with the byte `at`.
fn line_of(text: &[u8], at: usize) -> usize {
    1 + text.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Creates a settings file with all defaults, commented out.
///
/// # Errors
/// When the file exists or cannot be written.
pub(crate) fn init(path: &Path) -> anyhow::Result<()> {
    let written = make_folder(path)
        .and_then(|()| File::create_new(path))
        .and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    written.map_err(|why| match why.kind() {
        io::ErrorKind::AlreadyExists => anyhow!("{} already exists", path.display()),
        _ => anyhow!(why).context(format!("cannot write {}", path.display())),
    })
}

/// Adds `name` to the file at `path`, which has no name yet. The rest of the file is unchanged.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn remember(path: &Path, name: &PersonName) -> anyhow::Result<()> {
    let mut text = text(path)?.unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    // The file has no TOML tables, so a line at its end is a setting. Valid names need no escaping.
    text.push_str(&format!("name = \"{name}\"\n"));
    if let Err((line, why)) = parse(&text) {
        bail!("{}:{line}: {why}", path.display());
    }
    // Where the path is a symbolic link, the file it points to is replaced and the link stays.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let write = || -> io::Result<()> {
        make_folder(&path)?;
        let (mut file, temporary) = AtomicFile::create(&path)?;
        file.write_all(text.as_bytes())?;
        temporary.commit(&file, &path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The largest settings file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// What `chat config --init` writes.
pub(super) const TEMPLATE: &str = r##"# Settings of chat. The command line and the environment (CHAT_NAME, CHAT_ROOMS and so on) override them; `chat config`
# shows the values in effect and their origin. Lines that begin with # have no effect.

# Your name, with -2 to -9 appended if it is in use. The default is the login name.
# name = "ana"

# The rooms that `chat join` enters.
# rooms = ["lobby"]

# The server of `chat`, `chat join`, `chat search` and `chat export` if the command line names none. Without this setting
# the first two search this network for a server.
# server = "tcp://127.0.0.1:7000"

# "auto" (on terminals with colours, unless NO_COLOR is set), "always" or "never".
# colours = "auto"

# Whether the terminal bell rings when a message mentions your name: "on" or "off".
# notifications = "on"

# Whether links are encrypted: "on", or "off" for servers that do not encrypt. Then everyone on the way can read and change
# what is said.
# encryption = "on"

# The first line of this file is the server's password. It is sent to `server` alone or, without that setting, to the first
# server that you name; you are asked before it goes to any other. A relative path starts at the directory of this file; ~
# is your home directory.
# password_file = "password.txt"
"##;
