//! Merges all that is known about a server from several sources.

use std::collections::BTreeMap;

use chat_core::Address;

use crate::{
    interfaces::Interface,
    reachable::{KnownUrl, in_order},
    server::{Found, ServerId},
};

/// The known servers.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    servers: BTreeMap<ServerId, Server>,
}

#[derive(Debug)]
/// A known server.
struct Server {
    known: Vec<KnownUrl>,
    /// The server as it was reported last.
    reported: Found,
}

impl Merge {
    /// Adds news about a server, which came over loopback or not. Returns the server if it has changed.
    pub(crate) fn add(&mut self, news: Found, over_loopback: bool, own: &[Interface]) -> Option<Found> {
        if self.servers.len() >= MAX_SERVERS && !self.servers.contains_key(&news.id) {
            return None;
        }
        let Found { urls, .. } = &news;
        let server = self.servers.get(&news.id);
        let mut known = server.map(|server| server.known.clone()).unwrap_or_default();
        let is_open = !urls.is_empty();
        let with_origin = |url: &Address| KnownUrl { url: url.clone(), over_loopback };
        for url in urls.iter().map(with_origin) {
            if known.len() < MAX_URLS && !known.contains(&url) {
                known.push(url);
            }
        }
        let urls = in_order(&known, own);
        if is_open && urls.is_empty() {
            return None; // this machine can reach none of them
        }
        let reported = Found { urls, ..news };
        let is_news = server.is_none_or(|server| server.reported != reported);
        self.servers.insert(reported.id, Server { known, reported: reported.clone() });
        is_news.then_some(reported)
    }
}

/// How many servers are remembered; further ones are ignored.
const MAX_SERVERS: usize = 64;

/// How many URLs of a server are remembered; further ones are ignored.
const MAX_URLS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: u128, urls: &[&str]) -> Found {
        Found {
            id: ServerId(id),
            name: "office".to_owned(),
            software: String::new(),
            protocol: 1,
            rooms: 0,
            urls: urls.iter().map(|it| it.parse().unwrap()).collect(),
        }
    }

    fn own() -> [Interface; 1] {
        [Interface { name: "eth0".to_owned(), ip: "192.168.1.7".parse().unwrap(), prefix: 24 }]
    }

    /// protocol 18.1
    #[test]
    fn a_server_is_one_however_it_was_found() {
        let mut merge = Merge::default();
        let own = own();
        assert_eq!(merge.add(found(1, &[]), false, &own).unwrap().urls, []);
        let urls = ["tcp://192.168.1.9:7000", "tcp://0.0.0.0:7000"];
        assert_eq!(merge.add(found(1, &urls), false, &own).unwrap().urls.len(), 1);
        assert_eq!(merge.add(found(1, &urls), false, &own), None, "nothing new");
        let both = merge.add(found(1, &["udp://192.168.1.9:7000"]), false, &own).unwrap();
        assert_eq!(both.urls.iter().map(|it| it.scheme()).collect::<Vec<_>>(), ["tcp", "udp"]);
        let fuller = Found { rooms: 3, ..found(1, &[]) };
        assert_eq!(merge.add(fuller, false, &own).unwrap().rooms, 3);
        assert_eq!(merge.add(found(2, &["tcp://0.0.0.0:7000"]), false, &own), None, "nowhere");
    }

    /// protocol 18.12
    #[test]
    fn a_flood_of_servers_ends_somewhere() {
        let mut merge = Merge::default();
        let many = (0..1000).filter_map(|id| merge.add(found(id, &["tcp://192.168.1.9:1"]), false, &own()));
        assert_eq!(many.count(), MAX_SERVERS);
        let urls: Vec<String> = (1..200).map(|n| format!("tcp://192.168.1.{n}:1")).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        assert_eq!(merge.add(found(1, &urls), false, &own()).unwrap().urls.len(), MAX_URLS - 1);
    }
}
