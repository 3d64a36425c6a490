//! The way to a server, as the command line and the settings describe it.

use chat_core::{Address, SharedRuntime, transport::Transports};
use chat_front::{Connector, Identity};

use crate::{
    args::Person,
    encryption::{self, Expected},
    names, own_key, password,
};

/// The way to `server`, which the command line or the settings name, for `person`.
///
/// # Errors
/// When no transport fits the address, or the password cannot be read.
pub(crate) fn connector(
    transports: &Transports,
    runtime: SharedRuntime,
    server: Address,
    person: &Person,
) -> anyhow::Result<Connector> {
    let password = password::for_server(person, password::Server { url: &server, found_as: None }, None)?;
    let expected = Expected::at(server.clone(), None);
    connector_with(transports, runtime, (server, expected), person, password)
}

/// The way to `server` for `person`, with the password that is for that server.
///
/// # Errors
/// When no transport fits the address, or the person's key cannot be used.
pub(crate) fn connector_with(
    transports: &Transports,
    runtime: SharedRuntime,
    (server, expected): (Address, Expected),
    person: &Person,
    password: Option<String>,
) -> anyhow::Result<Connector> {
    let names = match (&person.name, &person.usual_name) {
        (Some(name), _) => vec![name.as_str().to_owned()],
        (None, Some(name)) => names::from_settings(name),
        (None, None) => names::from_login(),
    };
    let identity = Identity { names, password };
    let transports = client_transports(transports, &runtime, &expected, person)?;
    let connector = Connector::new(&transports, runtime, server, identity)?;
    Ok(if person.unencrypted { connector.unencrypted() } else { connector })
}

/// The transports over which `person` joins the server that is `expected`: encrypted, unless the person wants otherwise.
///
/// # Errors
/// When the person's key cannot be used.
pub(crate) fn client_transports(
    transports: &Transports,
    runtime: &SharedRuntime,
    expected: &Expected,
    person: &Person,
) -> anyhow::Result<Transports> {
    if person.unencrypted {
        return Ok(transports.clone());
    }
    Ok(encryption::of_client(transports, &own_key::load(runtime)?, expected, runtime))
}
