//! Merges all that is known about a server from several sources.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::Address;

use crate::{
    interfaces::Interface,
    reachable::{KnownUrl, Origin, in_order, ip},
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
    /// Adds news about a server. Returns the server if it has changed.
    pub(crate) fn add(&mut self, news: Found, origin: Origin, own: &[Interface]) -> Option<Found> {
        if self.servers.len() >= MAX_SERVERS && !self.servers.contains_key(&news.id) {
            return None;
        }
        let Found { urls, .. } = &news;
        let server = self.servers.get(&news.id);
        let mut known = server.map(|server| server.known.clone()).unwrap_or_default();
        let is_open = !urls.is_empty();
        let with_origin = |url: &Address| KnownUrl { url: url.clone(), origin };
        for url in urls.iter().map(with_origin) {
            if known.len() < MAX_URLS && !known.contains(&url) && self.may_be_added(&url, &known) {
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

    /// Whether `url` is known already, or few URLs of its address are: whoever announces servers by mDNS may name every port
    /// of another machine. `known` are the URLs of its server.
    fn may_be_added(&self, url: &KnownUrl, known: &[KnownUrl]) -> bool {
        let Some((host, _)) = ip(&url.url).filter(|_| url.origin == Origin::Multicast) else { return true };
        let all = self.servers.values().flat_map(|server| &server.known).chain(known);
        let same_host: BTreeSet<_> = all
            .filter(|known| {
                known.origin == Origin::Multicast && ip(&known.url).is_some_and(|(at, _)| at == host)
            })
            .map(|known| known.url.to_string())
            .collect();
        same_host.len() < MAX_URLS_OF_HOST || same_host.contains(&url.url.to_string())
    }
}

/// How many servers are remembered; further ones are ignored.
const MAX_SERVERS: usize = 64;

/// How many URLs of a server are remembered; further ones are ignored.
const MAX_URLS: usize = 32;

/// How many URLs of one address are believed that mDNS alone has named: several servers on one machine, each over TCP and UDP.
const MAX_URLS_OF_HOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Hints;

    fn found(id: u128, urls: &[&str]) -> Found {
        Found {
            id: ServerId(id),
            name: "office".to_owned(),
            software: String::new(),
            protocol: 1,
            rooms: 0,
            hints: Hints::default(),
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
        assert_eq!(merge.add(found(1, &[]), Origin::Multicast, &own).unwrap().urls, []);
        let urls = ["tcp://192.168.1.9:7000", "tcp://0.0.0.0:7000"];
        assert_eq!(merge.add(found(1, &urls), Origin::Multicast, &own).unwrap().urls.len(), 1);
        assert_eq!(merge.add(found(1, &urls), Origin::Multicast, &own), None, "nothing new");
        let both = merge.add(found(1, &["udp://192.168.1.9:7000"]), Origin::Multicast, &own).unwrap();
        assert_eq!(both.urls.iter().map(|it| it.scheme()).collect::<Vec<_>>(), ["tcp", "udp"]);
        let fuller = Found { rooms: 3, ..found(1, &[]) };
        assert_eq!(merge.add(fuller, Origin::Multicast, &own).unwrap().rooms, 3);
        assert_eq!(merge.add(found(2, &["tcp://0.0.0.0:7000"]), Origin::Multicast, &own), None, "nowhere");
    }

    /// protocol 18.12
    #[test]
    fn a_flood_of_servers_ends_somewhere() {
        let mut merge = Merge::default();
        let many = (0..1000)
            .filter_map(|id| merge.add(found(id, &["tcp://192.168.1.9:1"]), Origin::Multicast, &own()));
        assert_eq!(many.count(), MAX_SERVERS);
        let urls: Vec<String> = (1..200).map(|n| format!("tcp://192.168.1.{n}:1")).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let found = merge.add(found(1, &urls), Origin::Multicast, &own()).unwrap();
        assert_eq!(found.urls.len(), MAX_URLS - 1);
    }

    /// protocol 18.11
    #[test]
    fn a_machine_has_few_ports_to_try() {
        let mut merge = Merge::default();
        let mut ports = BTreeSet::new();
        for id in 0..60 {
            let urls: Vec<String> =
                (0..4).map(|n| format!("tcp://192.168.1.3:{}", 9100 + id as u16 * 4 + n)).collect();
            let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
            let found = merge.add(found(id, &urls), Origin::Multicast, &own());
            ports.extend(found.into_iter().flat_map(|found| found.urls).map(|url| url.to_string()));
        }
        assert_eq!(ports.len(), MAX_URLS_OF_HOST);
    }
}
