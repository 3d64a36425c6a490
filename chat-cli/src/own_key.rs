//! The key of the person who runs this program, in the directory of the settings.

use std::path::PathBuf;

use chat_core::SharedRuntime;
use chat_secure::{KeyFileError, StaticKey};

use crate::{logging, settings};

/// The path of the key of this account; `None` if this account has no directory for settings.
pub(crate) fn path() -> Option<PathBuf> {
    Some(settings::path()?.with_file_name(FILE))
}

/// The key of this account, which is made if there is none. Where no file can be made, the key is for this run alone, and a
/// line on standard error says so.
///
/// # Errors
/// When there is a file, but it cannot be read, other people can read it, or it holds no key.
pub(crate) fn load(runtime: &SharedRuntime) -> Result<StaticKey, KeyFileError> {
    let Some(path) = path() else {
        return Ok(for_this_run("this account has no directory for settings", runtime));
    };
    match StaticKey::in_file(&path, &**runtime) {
        Err(KeyFileError::Io { error, .. }) if !path.exists() => {
            Ok(for_this_run(&format!("{} cannot be made ({error})", path.display()), runtime))
        }
        key => key,
    }
}

fn for_this_run(why: &str, runtime: &SharedRuntime) -> StaticKey {
    logging::say(&format!("chat: your key is for this run alone: {why}"));
    StaticKey::generate(&**runtime)
}

/// The name of the key's file.
const FILE: &str = "key";
