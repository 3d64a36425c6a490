//! The way to a server, as the command line and the settings describe it.

use chat_core::{Address, SharedRuntime, transport::Transports};
use chat_front::{Connector, Identity};

use crate::{args::Person, names, password};

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
    connector_with(transports, runtime, server, person, password)
}

/// The way to `server` for `person`, with the password that is for that server.
///
/// # Errors
/// When no transport fits the address.
pub(crate) fn connector_with(
    transports: &Transports,
    runtime: SharedRuntime,
    server: Address,
    person: &Person,
    password: Option<String>,
) -> anyhow::Result<Connector> {
    let names = match (&person.name, &person.usual_name) {
        (Some(name), _) => vec![name.as_str().to_owned()],
        (None, Some(name)) => names::from_settings(name),
        (None, None) => names::from_login(),
    };
    Connector::new(transports, runtime, server, Identity { names, password })
}
