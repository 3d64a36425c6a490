//! The settings file: TOML, read as a whole or not at all, and written to with care for what is in it.

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
    Colours, Notifications, Origin, Setting,
    value::{InFile, List},
};
use crate::atomic_file::AtomicFile;

/// What a settings file says.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) name: Option<Setting<PersonName>>,
    pub(super) rooms: Option<Setting<List<RoomName>>>,
    pub(super) server: Option<Setting<Address>>,
    pub(super) colours: Option<Setting<Colours>>,
    pub(super) notifications: Option<Setting<Notifications>>,
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
    password_file: Option<Spanned<InFile<PathBuf>>>,
}

/// Reads the file at `path`, if it is there.
///
/// # Errors
/// What is wrong with it, and in which line.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Written>> {
    let Some(text) = text(path)? else { return Ok(None) };
    parse(&text).map(Some).map_err(|(line, why)| anyhow!("{}:{line}: {why}", path.display()))
}

/// Its text, if it is there.
fn text(path: &Path) -> anyhow::Result<Option<String>> {
    let reading = || format!("cannot read the settings file {}", path.display());
    let mut bytes = Vec::new();
    match fs::metadata(path) {
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Ok(there) if !there.is_file() => bail!("{}: it is no file", reading()),
        _ => {}
    }
    let file = File::open(path).with_context(reading)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).with_context(reading)?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{}: it is longer than {MAX_BYTES} bytes", reading());
    }
    String::from_utf8(bytes).map(Some).map_err(|why| {
        let line = line_of(why.as_bytes(), why.utf8_error().valid_up_to());
        anyhow!("{}:{line}: it is not UTF-8", path.display())
    })
}

/// What `text` says, or what is wrong with it and in which line.
fn parse(text: &str) -> Result<Written, (usize, String)> {
    let keys: Keys = toml::from_str(text).map_err(|why| {
        let line = line_of(text.as_bytes(), why.span().map_or(0, |it| it.start));
        (line, why.message().replace("unknown field", "there is no setting").replace('\n', " "))
    })?;
    fn setting<T, U>(text: &str, of: Option<Spanned<T>>, to: impl FnOnce(T) -> U) -> Option<Setting<U>> {
        let of = of?;
        let origin = Origin::File(line_of(text.as_bytes(), of.span().start));
        Some(Setting { value: to(of.into_inner()), origin })
    }
    Ok(Written {
        name: setting(text, keys.name, |it| it.0),
        rooms: setting(text, keys.rooms, |it| List(it.into_iter().map(|it| it.0).collect())),
        server: setting(text, keys.server, |it| it.0),
        colours: setting(text, keys.colours, |it| it.0),
        notifications: setting(text, keys.notifications, |it| it.0),
        password_file: setting(text, keys.password_file, |it| it.0),
    })
}

/// The line, from 1, that the byte `at` is in.
fn line_of(text: &[u8], at: usize) -> usize {
    1 + text.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Makes a file with every setting as it is without one.
///
/// # Errors
/// When it cannot be written, or something is there already.
pub(crate) fn init(path: &Path) -> anyhow::Result<()> {
    let written = make_folder(path)
        .and_then(|()| File::create_new(path))
        .and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    written.map_err(|why| match why.kind() {
        io::ErrorKind::AlreadyExists => anyhow!("{} is there already", path.display()),
        _ => anyhow!(why).context(format!("cannot write {}", path.display())),
    })
}

/// Adds `name` to the file at `path`, which says none. All else in it stays as it is.
///
/// # Errors
/// When it cannot be written.
pub(super) fn remember(path: &Path, name: &PersonName) -> anyhow::Result<()> {
    let mut text = text(path)?.unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    // There are no tables in it, so what stands at its end is a setting. Names have nothing that is to be escaped.
    text.push_str(&format!("name = \"{name}\"\n"));
    if let Err((line, why)) = parse(&text) {
        bail!("{}:{line}: {why}", path.display());
    }
    // Where the path is a link, the file it names is replaced and the link stays.
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

/// More than anybody writes.
const MAX_BYTES: u64 = 64 << 10;

/// What `chat config --init` writes.
pub(super) const TEMPLATE: &str = r##"# Settings of chat. What the command line or the environment (CHAT_NAME, CHAT_ROOMS and so on) says stands above
# them; `chat config` shows what holds, and where it comes from. A line that begins with # has no effect.

# The name to be known by, with -2 to -9 after it if it is taken. Without one it is the login name.
# name = "ana"

# The rooms that `chat join` enters.
# rooms = ["lobby"]

# The server of `chat`, `chat join`, `chat search` and `chat export` where none is named. Without it the first two look
# for one on this network.
# server = "tcp://127.0.0.1:7000"

# "auto": on a terminal that has them, unless NO_COLOR is set; or "always" or "never".
# colours = "auto"

# Whether the terminal rings when somebody says your name: "on" or "off".
# notifications = "on"

# The first line of this file is the server's password. It is looked for beside this one; ~ is your home.
# password_file = "password.txt"
"##;
