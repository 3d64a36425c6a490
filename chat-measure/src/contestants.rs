//! The transports that can be compared: all of a program, and those that may lose frames twice, raw and with repair.

use chat_core::{Address, transport::Transports};

use crate::{Contestant, Setting};

/// All of `transports`, by scheme. A transport that may lose frames is there as `SCHEME-raw` too, before
/// the same with repair.
pub fn contestants(transports: &Transports) -> Vec<Contestant> {
    let known = transports.schemes().filter_map(|scheme| {
        let anywhere = Address::new(scheme, "anywhere").ok()?;
        Some((scheme, transports.get(&anywhere).ok()?)) // what is too small for the protocol cannot carry it
    });
    known
        .flat_map(|(scheme, transport)| {
            let promises = transport.promises();
            let reliable = promises.reliable && promises.ordered;
            let settings: Vec<Setting> = transport
                .settings()
                .into_iter()
                .map(|(name, value)| Setting { name: name.to_owned(), value })
                .collect();
            let made = move |raw: bool| Contestant {
                name: if raw { format!("{scheme}-raw") } else { scheme.to_owned() },
                scheme: scheme.to_owned(),
                raw,
                reliable,
                settings: settings.clone(),
            };
            let raw = (!reliable).then(|| made(true));
            raw.into_iter().chain([made(false)])
        })
        .collect()
}
