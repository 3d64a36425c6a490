//! The contestants of a comparison: every transport that the program has, and a lossy one twice, raw and with repair.

use chat_core::{Address, transport::Transports};

use crate::report::{Contestant, Setting};

/// The contestants that `transports` has, by scheme. A transport that may lose frames is a contestant twice: first as
/// `SCHEME-raw`, then with repair.
pub fn contestants(transports: &Transports) -> Vec<Contestant> {
    let known = transports.schemes().filter_map(|scheme| {
        let anywhere = Address::new(scheme, "anywhere").ok()?;
        Some((scheme, transports.get(&anywhere).ok()?)) // a transport whose frames are too small for the protocol is left out
    });
    known
        .flat_map(|(scheme, transport)| {
            let promises = transport.promises();
            let reliable = promises.is_lossless();
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
