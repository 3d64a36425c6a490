//! mDNS and DNS-SD: the only module that uses mdns-sd (`docs/protocol.md`, 18.3 and 18.4).

use std::time::Duration;

use chat_core::{Address, KeyId, SharedRuntime, within};
use futures::{
    StreamExt,
    future::join_all,
    stream::{self, BoxStream},
};
use mdns_sd::{Error, IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::{
    interfaces,
    net::networks_of_a_socket,
    reachable,
    server::{Found, Hints, ServerId, bounded},
};

/// A server that is registered with the mDNS daemons.
pub(crate) struct Registration {
    daemons: Vec<ServiceDaemon>,
    /// The names under which it is registered.
    names: Vec<String>,
}

impl Registration {
    /// Announces `server`, whose URLs are those of its listeners. Returns `None` if no other machine could reach it.
    ///
    /// # Errors
    /// When the system has no socket or no thread for it.
    pub(crate) fn start(server: &Found) -> Result<Option<Registration>, Error> {
        let services = services(server)?;
        if services.is_empty() {
            return Ok(None);
        }
        let daemons = daemons()?;
        let names = services.iter().map(|it| it.get_fullname().to_owned()).collect();
        register(&daemons, &services)?;
        Ok(Some(Registration { daemons, names }))
    }

    /// Announces changes of `server`, whose listeners have not changed.
    ///
    /// # Errors
    /// When the daemon does not accept them.
    pub(crate) fn update(&self, server: &Found) -> Result<(), Error> {
        register(&self.daemons, &services(server)?)
    }

    /// Sends a goodbye, and waits for a second at most until it is sent.
    pub(crate) async fn stop(self, runtime: &SharedRuntime) {
        let goodbye = async |daemon: &ServiceDaemon| {
            for name in &self.names {
                if let Ok(unregistered) = daemon.unregister(name) {
                    let _ = unregistered.recv_async().await; // a daemon that has ended sends nothing
                }
            }
            if let Ok(ended) = daemon.shutdown() {
                let _ = ended.recv_async().await;
            }
        };
        within(GOODBYE_TIMEOUT, &**runtime, join_all(self.daemons.iter().map(goodbye))).await;
    }
}

fn register(daemons: &[ServiceDaemon], services: &[ServiceInfo]) -> Result<(), Error> {
    daemons.iter().try_for_each(|daemon| services.iter().try_for_each(|it| daemon.register(it.clone())))
}

/// The services of `server`: each of its listeners that other machines can reach over TCP or UDP.
fn services(server: &Found) -> Result<Vec<ServiceInfo>, Error> {
    let mut services: Vec<ServiceInfo> = Vec::new();
    for url in &server.urls {
        let Some((_, kind)) = KINDS.iter().find(|(scheme, _)| *scheme == url.scheme()) else { continue };
        let Some((ip, port)) = reachable::ip(url).filter(|(ip, _)| !ip.is_loopback()) else { continue };
        let is_second = services.iter().any(|it| it.get_type() == *kind);
        // mdns-sd 0.21 gets the escapes for these two wrong when it changes a name that is taken.
        let name = server.name.replace(['.', '\\'], "-");
        let instance = if is_second { format!("{name} {port}") } else { name };
        // A host name of its own, so that it cannot conflict with the machine's name.
        let host = format!("chat-{:016x}.local.", server.id.0 as u64);
        let mut txt = vec![
            ("id", server.id.to_string()),
            ("name", server.name.clone()),
            ("software", server.software.clone()),
            ("protocol", server.protocol.to_string()),
            ("rooms", server.rooms.to_string()),
        ];
        txt.extend(server.hints.key.map(|key| ("key", key.to_string())));
        txt.extend(server.hints.password.then(|| ("password", "true".to_owned())));
        let at = if ip.is_unspecified() { String::new() } else { ip.to_string() };
        let mut service = ServiceInfo::new(kind, &instance, &host, &*at, port, &txt[..])?;
        if ip.is_unspecified() {
            service = service.enable_addr_auto();
            service.set_interfaces(vec![if ip.is_ipv4() { IfKind::IPv4 } else { IfKind::All }]);
        }
        services.push(service);
    }
    Ok(services)
}

/// A stream of announced servers, and a guard that ends the search when it is dropped.
///
/// # Errors
/// When the system has no socket or no thread for it.
pub(crate) fn browse() -> Result<(BoxStream<'static, Found>, Browsing), Error> {
    let browsing = Browsing(daemons()?);
    let mut events = Vec::new();
    for daemon in &browsing.0 {
        for (scheme, kind) in KINDS {
            let found = daemon.browse(kind)?.into_stream().filter_map(move |event| async move {
                match event {
                    ServiceEvent::ServiceResolved(service) => found(scheme, &service),
                    _ => None,
                }
            });
            events.push(found.boxed());
        }
    }
    Ok((stream::select_all(events).boxed(), browsing))
}

/// A search for servers. Dropping this ends the search.
pub(crate) struct Browsing(Vec<ServiceDaemon>);

impl Drop for Browsing {
    fn drop(&mut self) {
        for daemon in &self.0 {
            let _ = daemon.shutdown(); // the daemon has ended already, or ends with the process
        }
    }
}

/// A daemon, or several on a machine with many networks: each has one socket for IPv4, which cannot join the multicast group
/// on all of them. The first daemon also has the networks that come later.
fn daemons() -> Result<Vec<ServiceDaemon>, Error> {
    let mut names: Vec<String> = Vec::new();
    for interface in interfaces::list().unwrap_or_default() {
        if interface.ip.is_ipv4() && !interface.ip.is_loopback() && !names.contains(&interface.name) {
            names.push(interface.name);
        }
    }
    let groups: Vec<&[String]> = names.chunks(networks_of_a_socket()).skip(1).collect();
    if let Some(beyond) = groups.get(MAX_DAEMONS - 1..).filter(|beyond| !beyond.is_empty()) {
        let interfaces = beyond.concat().join(", ");
        tracing::warn!(
            interfaces,
            "too many networks: not announced by mDNS on these, and found there by probes alone"
        );
    }
    let named = |names: &[String]| names.iter().cloned().map(IfKind::Name).collect::<Vec<_>>();
    let first = ServiceDaemon::new()?;
    let mut others = vec![IfKind::LoopbackV4, IfKind::LoopbackV6];
    others.extend(groups.iter().flat_map(|group| named(group)));
    first.disable_interface(others)?;
    let mut daemons = vec![first];
    for group in groups.into_iter().take(MAX_DAEMONS - 1) {
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(named(group))?;
        daemons.push(daemon);
    }
    Ok(daemons)
}

/// The server behind `service`, if its data is well-formed.
fn found(scheme: &str, service: &ResolvedService) -> Option<Found> {
    let text = |key| service.get_property_val_str(key);
    let number = |key| text(key)?.parse::<u64>().ok();
    let mut urls = Vec::new();
    for ip in service.addresses.iter().take(MAX_ADDRESSES) {
        let host = if ip.is_ipv4() { ip.to_string() } else { format!("[{ip}]") };
        urls.extend(Address::new(scheme, format_args!("{host}:{}", service.port)));
    }
    Some(Found {
        id: ServerId::parse(text("id")?)?,
        name: Some(bounded(text("name")?)).filter(|it| !it.is_empty())?,
        software: bounded(text("software").unwrap_or_default()),
        protocol: number("protocol")?,
        rooms: number("rooms").unwrap_or(0),
        hints: Hints { key: text("key").and_then(KeyId::parse), password: text("password") == Some("true") },
        urls,
    })
    // A server without a URL would look like one that is not open yet.
    .filter(|it| !it.urls.is_empty())
}

/// The schemes that DNS-SD has a label for, and their service types.
const KINDS: [(&str, &str); 2] = [("tcp", "_chat._tcp.local."), ("udp", "_chat._udp.local.")];

/// How many daemons there are at most, each with a thread: enough for 128 networks.
const MAX_DAEMONS: usize = 8;

/// How many addresses of one service are looked at.
const MAX_ADDRESSES: usize = 16;

/// How long a goodbye may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
