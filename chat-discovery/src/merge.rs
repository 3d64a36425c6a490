//! Making one server of all that was heard of it.

use std::collections::BTreeMap;

use chat_core::Address;

use crate::{
    interfaces::Interface,
    reachable::{Heard, in_order},
    server::{Found, ServerId},
};

/// All servers that were heard of.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    servers: BTreeMap<ServerId, Server>,
}

#[derive(Debug)]
struct Server {
    heard: Vec<Heard>,
    told: Found,
}

impl Merge {
    /// Adds what was heard of a server, on our own machine or elsewhere; what there is to tell if that is news.
    pub(crate) fn hear(&mut self, news: Found, over_loopback: bool, own: &[Interface]) -> Option<Found> {
        if self.servers.len() >= MAX_SERVERS && !self.servers.contains_key(&news.id) {
            return None;
        }
        let Found { urls, .. } = &news;
        let known = self.servers.get(&news.id);
        let mut heard = known.map(|it| it.heard.clone()).unwrap_or_default();
        let is_open = !urls.is_empty();
        let add = |url: &Address| Heard { url: url.clone(), over_loopback };
        for url in urls.iter().map(add) {
            if heard.len() < MAX_HEARD && !heard.contains(&url) {
                heard.push(url);
            }
        }
        let urls = in_order(&heard, own);
        if is_open && urls.is_empty() {
            return None; // nowhere
        }
        let told = Found { urls, ..news };
        let is_news = known.is_none_or(|it| it.told != told);
        self.servers.insert(told.id, Server { heard, told: told.clone() });
        is_news.then_some(told)
    }
}

/// How many servers are known; more are not looked at.
const MAX_SERVERS: usize = 64;

/// How many URLs of a server are known; more are not looked at.
const MAX_HEARD: usize = 32;

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
        assert_eq!(merge.hear(found(1, &[]), false, &own).unwrap().urls, []);
        let urls = ["tcp://192.168.1.9:7000", "tcp://0.0.0.0:7000"];
        assert_eq!(merge.hear(found(1, &urls), false, &own).unwrap().urls.len(), 1);
        assert_eq!(merge.hear(found(1, &urls), false, &own), None, "nothing new");
        let both = merge.hear(found(1, &["udp://192.168.1.9:7000"]), false, &own).unwrap();
        assert_eq!(both.urls.iter().map(|it| it.scheme()).collect::<Vec<_>>(), ["tcp", "udp"]);
        let fuller = Found { rooms: 3, ..found(1, &[]) };
        assert_eq!(merge.hear(fuller, false, &own).unwrap().rooms, 3);
        assert_eq!(merge.hear(found(2, &["tcp://0.0.0.0:7000"]), false, &own), None, "nowhere");
    }

    /// protocol 18.12
    #[test]
    fn a_flood_of_servers_ends_somewhere() {
        let mut merge = Merge::default();
        let many = (0..1000).filter_map(|id| merge.hear(found(id, &["tcp://192.168.1.9:1"]), false, &own()));
        assert_eq!(many.count(), MAX_SERVERS);
        let urls: Vec<String> = (1..200).map(|n| format!("tcp://192.168.1.{n}:1")).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        assert_eq!(merge.hear(found(1, &urls), false, &own()).unwrap().urls.len(), MAX_HEARD - 1);
    }
}
