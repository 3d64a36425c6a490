//! The two datagrams of the probe in their wire format (`docs/protocol.md`, 18.5 and 18.6).

use chat_core::{Address, KeyId, wire};
use serde::{Deserialize, Serialize};

use crate::server::{Found, Hints, ServerId, bounded};

/// A datagram to or from port 7001.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Datagram {
    Probe(Probe),
    Here(Here),
}

/// The question which servers there are.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Probe {
    pub(crate) protocol: u64,
    pub(crate) token: String,
    #[serde(default)]
    padding: String,
}

/// The answer of a server.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Here {
    pub(crate) token: String,
    id: String,
    name: String,
    #[serde(default)]
    software: String,
    protocol: u64,
    #[serde(default)]
    rooms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    password: bool,
    #[serde(default)]
    urls: Vec<String>,
}

impl Datagram {
    /// Reads a datagram; `None` if the bytes are not one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Datagram> {
        if bytes.len() > MAX_DATAGRAM {
            return None;
        }
        serde_json::from_slice(bytes).ok()
    }

    fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("its keys are strings")
    }
}

/// A probe that is padded to the length of the longest answer.
pub(crate) fn probe(token: &str) -> Vec<u8> {
    let probe = |padding| {
        Datagram::Probe(Probe { protocol: wire::PROTOCOL, token: token.to_owned(), padding }).write()
    };
    probe("x".repeat(MAX_DATAGRAM - probe(String::new()).len()))
}

impl Probe {
    pub(crate) fn is_answerable(&self) -> bool {
        (1..=MAX_TOKEN).contains(&self.token.len())
    }
}

impl Here {
    /// The answer of `server` to a probe of `len` bytes; `None` if the answer would be longer than the probe.
    pub(crate) fn answer(server: &Found, token: &str, len: usize) -> Option<Vec<u8>> {
        let here = |urls: &[Address]| {
            Datagram::Here(Here {
                token: token.to_owned(),
                id: server.id.to_string(),
                name: server.name.clone(),
                software: server.software.clone(),
                protocol: server.protocol,
                rooms: server.rooms,
                key: server.hints.key.map(|key| key.to_string()),
                password: server.hints.password,
                urls: urls.iter().map(Address::to_string).collect(),
            })
            .write()
        };
        // An answer without a URL would mean that the server is not open yet.
        let fewest = usize::from(!server.urls.is_empty());
        let answers = (fewest..=server.urls.len()).rev().map(|count| here(&server.urls[..count]));
        answers.into_iter().find(|it| it.len() <= len.min(MAX_DATAGRAM))
    }

    /// The server that answered, if the answer is well-formed.
    pub(crate) fn server(self) -> Option<Found> {
        Some(Found {
            id: ServerId::parse(&self.id)?,
            name: Some(bounded(&self.name)).filter(|it| !it.is_empty())?,
            software: bounded(&self.software),
            protocol: self.protocol,
            rooms: self.rooms,
            hints: Hints { key: self.key.as_deref().and_then(KeyId::parse), password: self.password },
            urls: self.urls.iter().filter_map(|it| it.parse().ok()).collect(),
        })
    }
}

/// The longest datagram in bytes. It is short enough not to be fragmented.
pub(crate) const MAX_DATAGRAM: usize = 1200;

/// The longest token, in bytes.
const MAX_TOKEN: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    fn server(urls: usize) -> Found {
        Found {
            id: ServerId(7),
            name: "\u{1b}".repeat(63),
            software: "chat".to_owned(),
            protocol: 1,
            rooms: 3,
            hints: Hints { key: Some(KeyId([9; 32])), password: true },
            urls: (0..urls).map(|n| format!("tcp://192.168.1.{n}:7000").parse().unwrap()).collect(),
        }
    }

    /// protocol 18.5, protocol 18.7
    #[test]
    fn no_answer_is_longer_than_its_probe() {
        let asked = probe(&ServerId(1).to_string());
        assert_eq!(asked.len(), MAX_DATAGRAM);
        assert!(matches!(Datagram::read(&asked), Some(Datagram::Probe(it)) if it.is_answerable()));
        let told = |urls, len| {
            let answer = Here::answer(&server(urls), "t", len)?;
            assert!(answer.len() <= len);
            let Some(Datagram::Here(here)) = Datagram::read(&answer) else { panic!("{answer:?}") };
            let read = here.server().unwrap();
            assert_eq!(read.hints, server(urls).hints);
            Some(read.urls.len())
        };
        assert_eq!(told(2, MAX_DATAGRAM), Some(2));
        let many = told(200, MAX_DATAGRAM).unwrap();
        assert!((10..50).contains(&many), "{many}");
        assert!(told(200, MAX_DATAGRAM - 100).unwrap() < many);
        assert_eq!(told(2, 200), None);
        assert_eq!(told(0, MAX_DATAGRAM), Some(0));
    }

    /// protocol 18.2, protocol 18.12
    #[test]
    fn a_malformed_answer_is_no_server() {
        let here = |text: &str| match Datagram::read(text.as_bytes()) {
            Some(Datagram::Here(it)) => it.server(),
            _ => None,
        };
        let id = ServerId(7).to_string();
        let long =
            format!(r#"{{"type":"here","token":"t","id":"{id}","name":"{}","protocol":1}}"#, "x".repeat(99));
        assert_eq!(here(&long).unwrap().name.len(), 63);
        let urls = r#"["nonsense","tcp://","tcp://1.2.3.4:5","tcp://1.2.3.4\u001b:5"]"#;
        let some = format!(
            r#"{{"urls":{urls},"type":"here","token":"t","id":"{id}","name":"n","protocol":1,"x":1}}"#
        );
        assert_eq!(here(&some).unwrap().urls.len(), 1);
        let hints = here(&some.replace(r#""x":1"#, r#""key":"short","x":1"#)).unwrap().hints;
        assert_eq!(hints, Hints::default(), "a key that is none is no key");
        for wrong in [
            r#"{"type":"here"}"#.to_owned(),
            format!(r#"{{"type":"here","token":"t","id":"{id}","name":"","protocol":1}}"#),
            r#"{"type":"here","token":"t","id":"short","name":"n","protocol":1}"#.to_owned(),
            format!(r#"{{"type":"here","token":"t","id":"{id}","name":"n","protocol":-1}}"#),
        ] {
            assert_eq!(here(&wrong), None, "{wrong}");
        }
    }
}
