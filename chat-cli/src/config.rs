//! `chat config`: shows the settings and where each comes from, or creates a settings file.

use std::path::Path;

use anyhow::Context;
use chat_front::text::Sanitized;
use serde_json::{Value, json};

use crate::{
    args::Config,
    names,
    output::{Output, OutputError, printable_json},
    settings::{Origin, Setting, Settings, file, path},
};

/// Runs `chat config`.
///
/// # Errors
/// When a setting is invalid, or the settings file cannot be created.
pub(crate) fn run(args: &Config) -> anyhow::Result<()> {
    let mut out = Output::plain();
    if args.init {
        let path = path().context("this account has no directory for settings")?;
        file::init(&path)?;
        return Ok(say(&mut out, &format!("{} now holds the defaults", path.display()))?);
    }
    let settings = Settings::load()?;
    if args.json {
        return Ok(out.write(format!("{}\n", printable_json(&as_json(&settings))).as_bytes())?);
    }
    for (key, value, origin) in rows(&settings) {
        say(&mut out, &format!("{key:<14}  {value:<24}  {origin}"))?;
    }
    let place = match (&settings.path, settings.has_file) {
        (Some(path), true) => format!("The settings file is {}", path.display()),
        (Some(path), false) => format!("There is no settings file; it would be {}", path.display()),
        (None, _) => "This account has no directory for a settings file".to_owned(),
    };
    Ok(say(&mut out, &place)?)
}

/// The settings as text: key, value and origin of each.
fn rows(settings: &Settings) -> Vec<(&'static str, String, Origin)> {
    let rooms: Vec<_> = settings.rooms.value.iter().map(|room| room.as_str()).collect();
    let name = settings.name.value.as_ref().map_or_else(login, |name| name.as_str().to_owned());
    let password_file = settings.password_file.value.as_deref();
    let password_file = password_file.map_or("none".to_owned(), |path| path.display().to_string());
    vec![
        ("name", name, settings.name.origin),
        ("rooms", rooms.join(", "), settings.rooms.origin),
        ("server", settings.server.value.to_string(), settings.server.origin),
        ("colours", settings.colours.value.to_string(), settings.colours.origin),
        ("notifications", settings.notifications.value.to_string(), settings.notifications.origin),
        ("encryption", settings.encryption.value.to_string(), settings.encryption.origin),
        ("password_file", password_file, settings.password_file.origin),
    ]
}

fn as_json(settings: &Settings) -> Value {
    fn setting<T>(of: &Setting<T>, value: impl FnOnce(&T) -> Value) -> Value {
        let value = value(&of.value);
        match of.origin {
            Origin::Environment(name) => json!({"value": value, "from": "environment", "variable": name}),
            Origin::File(line) => json!({"value": value, "from": "file", "line": line}),
            Origin::BuiltIn => json!({"value": value, "from": "default"}),
        }
    }
    let text = |path: &Path| path.display().to_string();
    json!({
        "name": setting(&settings.name, |name| json!(name.as_ref().map_or_else(login, |name| name.to_string()))),
        "rooms": setting(&settings.rooms, |rooms| rooms.iter().map(|room| room.as_str()).collect()),
        "server": setting(&settings.server, |value| json!(value.to_string())),
        "colours": setting(&settings.colours, |value| json!(value.to_string())),
        "notifications": setting(&settings.notifications, |value| json!(value.to_string())),
        "encryption": setting(&settings.encryption, |value| json!(value.to_string())),
        "password_file": setting(&settings.password_file, |path| json!(path.as_deref().map(text))),
        "file": {"path": settings.path.as_deref().map(text), "is_there": settings.has_file},
    })
}

fn login() -> String {
    names::from_login().into_iter().next().unwrap_or_default()
}

fn say(out: &mut Output, words: &str) -> Result<(), OutputError> {
    out.write(format!("{}\n", Sanitized::line(words)).as_bytes())
}
