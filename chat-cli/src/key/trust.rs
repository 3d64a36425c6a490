//! `chat key trust`: dials a server, shows the key that it proves, and accepts that key.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use chat_core::{SharedRuntime, transport::Transports, within};
use chat_secure::{Secured, StaticKey, fingerprint};

use super::say;
use crate::{
    args::Trust,
    known_servers::{KnownServers, Seen, Verified},
    output::Output,
};

/// Runs `chat key trust`.
///
/// # Errors
/// When the server cannot be reached, does not encrypt, or has another fingerprint than the one given.
pub(super) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Trust,
    out: &mut Output,
) -> anyhow::Result<()> {
    let Trust { server, fingerprint: wanted } = args;
    let proved = Arc::new(Mutex::new(None));
    let secured = transports.map(|transport| {
        let proved = proved.clone();
        // The server learns no key of this account: it is not trusted yet.
        let secured = Secured::new(transport, StaticKey::generate(&*runtime), runtime.clone());
        secured.with_check(move |_, key| {
            *proved.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
            Err("its key is all that was wanted".to_owned())
        })
    });
    let transport = secured.get(&server)?;
    let dialled = within(REACHED_WITHIN, &*runtime, transport.connect(&server)).await;
    let key = *proved.lock().unwrap_or_else(PoisonError::into_inner);
    let key = match (key, dialled) {
        (Some(key), _) => key,
        (None, Some(Err(error))) => return Err(error).with_context(|| format!("cannot reach {server}")),
        (None, _) => bail!("cannot reach {server}: no answer within {} s", REACHED_WITHIN.as_secs()),
    };
    let print = fingerprint(key);
    if let Some(wanted) = wanted.filter(|wanted| !wanted.eq_ignore_ascii_case(&print)) {
        bail!("the server at {server} has the key {print}, not {wanted}; it is not trusted");
    }
    let seen = Seen { address: &server, name: None, key };
    KnownServers::of_account().trust(seen, Verified::ByHand).map_err(anyhow::Error::msg)?;
    say(out, &format!("the server at {server} has the key {print}, which is trusted from now on"))
}

/// How long the server may take to prove its key.
const REACHED_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);
