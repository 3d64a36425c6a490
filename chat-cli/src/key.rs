//! `chat key`: shows, moves and restores the key of this account, and lists the servers that it trusts.

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
};

use anyhow::{Context, bail};
use chat_core::{Runtime, SharedRuntime, transport::Transports};
use chat_front::text::Sanitized;
use chat_secure::{StaticKey, fingerprint};
use serde_json::json;

use crate::{
    args::{Key, KeyAction, Moved, Replacing},
    known_servers::{KnownServer, KnownServers, Verified, day},
    output::Output,
    own_key, password, secret_input,
};

mod sealed;
mod trust;
mod words;

/// Runs `chat key`.
///
/// # Errors
/// When a key cannot be read, written or reached; the message says what to do.
pub(crate) async fn run(transports: &Transports, runtime: SharedRuntime, args: Key) -> anyhow::Result<()> {
    let mut out = Output::plain();
    match args.action {
        KeyAction::Show(shown) => {
            let (key, path) = own(&runtime)?;
            let (id, print, path) = (key.id().to_string(), fingerprint(key.id()), path.display().to_string());
            if shown.json {
                return Ok(out.json(&json!({"fingerprint": print, "key": id, "file": path}))?);
            }
            say(&mut out, &format!("fingerprint  {print}"))?;
            say(&mut out, &format!("public key   {id}"))?;
            say(&mut out, &format!("file         {path}"))
        }
        KeyAction::Servers(shown) => {
            let known = KnownServers::of_account().list().map_err(anyhow::Error::msg)?;
            if known.is_empty() && !shown.json {
                return say(&mut out, "no server is trusted yet: each is when it is joined first");
            }
            known.iter().try_for_each(|server| match shown.json {
                true => Ok(out.json(server)?),
                false => say(&mut out, &listed(server)),
            })
        }
        KeyAction::Trust(args) => trust::run(transports, runtime, args, &mut out).await,
        KeyAction::Forget(args) => {
            let forgotten = KnownServers::of_account().forget(&args.server).map_err(anyhow::Error::msg)?;
            if forgotten.is_empty() {
                bail!("no server is known as {}; `chat key servers` lists them", args.server);
            }
            forgotten.iter().try_for_each(|server| say(&mut out, &format!("forgotten: {}", listed(server))))
        }
        KeyAction::Export(Moved { file, passphrase_file }) => {
            let (key, _) = own(&runtime)?;
            let passphrase = match passphrase_file {
                Some(file) => password::read(&file)?,
                None => new_passphrase()?,
            };
            sealed::write(&file, &key, &passphrase, &*runtime)?;
            say(
                &mut out,
                &format!("{} now holds your key, for those who know the passphrase", file.display()),
            )
        }
        KeyAction::Import(args) => {
            let Moved { file, passphrase_file } = args.moved;
            let sealed = sealed::read(&file)?;
            let passphrase = match passphrase_file {
                Some(file) => password::read(&file)?,
                None => passphrase("The passphrase of the file: ")?,
            };
            take(
                &sealed.open(&passphrase).with_context(|| file.display().to_string())?,
                args.replacing,
                &mut out,
                &*runtime,
            )
        }
        KeyAction::Words => {
            let (key, _) = own(&runtime)?;
            for (at, row) in words::of(&key)?.chunks(6).enumerate() {
                say(&mut out, &format!("{:2}  {}", 6 * at + 1, row.join(" ")))?;
            }
            Ok(())
        }
        KeyAction::Restore(replacing) => {
            let mut typed = String::new();
            io::stdin().lock().take(MAX_WORDS).read_to_string(&mut typed).context("cannot read the words")?;
            take(&words::key(&typed)?, replacing, &mut out, &*runtime)
        }
    }
}

/// The key of this account and its file.
fn own(runtime: &SharedRuntime) -> anyhow::Result<(StaticKey, PathBuf)> {
    let path = own_key::path().context("this account has no directory for settings, and so no key")?;
    Ok((StaticKey::in_file(&path, &**runtime)?, path))
}

/// Makes `key` the key of this account.
fn take(
    key: &StaticKey,
    Replacing { replace }: Replacing,
    out: &mut Output,
    runtime: &dyn Runtime,
) -> anyhow::Result<()> {
    let path = own_key::path().context("this account has no directory for settings, and so no key")?;
    if path.exists() {
        if fs::read(&path).is_ok_and(|present| present == key.private()) {
            return say(out, &format!("{} has this key already", path.display()));
        }
        if !replace {
            bail!(
                "{} has another key already; --replace takes its place, and keeps it as key.old beside it",
                path.display()
            );
        }
        let old = path.with_extension("old");
        if old.exists() {
            bail!("{} is there from an earlier time; move it away first", old.display());
        }
        fs::rename(&path, &old).with_context(|| format!("cannot move {}", path.display()))?;
    }
    key.keep_in(&path, runtime)?;
    say(out, &format!("your key is now {}", fingerprint(key.id())))
}

/// A server in the list.
fn listed(server: &KnownServer) -> String {
    let KnownServer { fingerprint, names, addresses, first_seen, last_seen, verified, .. } = server;
    let names = if names.is_empty() { String::new() } else { format!("{}  ", names.join(", ")) };
    let verified = match verified {
        Verified::FirstUse => "at first use",
        Verified::Password => "by the password",
        Verified::ByHand => "by hand",
    };
    format!(
        "{fingerprint}  {names}{}  since {}, seen {}, trusted {verified}",
        addresses.join(" "),
        day(*first_seen),
        day(*last_seen)
    )
}

fn new_passphrase() -> anyhow::Result<String> {
    let first = passphrase("A passphrase for the file: ")?;
    if passphrase("The same once more: ")? != first {
        bail!("the two passphrases differ; nothing was written");
    }
    Ok(first)
}

fn passphrase(question: &str) -> anyhow::Result<String> {
    let asked = secret_input::ask(question);
    asked.context("no passphrase; --passphrase-file FILE gives one")
}

fn say(out: &mut Output, words: &str) -> anyhow::Result<()> {
    Ok(out.write(format!("{}\n", Sanitized::line(words)).as_bytes())?)
}

/// The most bytes of words that are read; 24 of them have less than 250.
const MAX_WORDS: u64 = 4096;
