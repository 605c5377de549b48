//! Finds Moonrakers on the local network: those with a `[zeroconf]` section announce themselves by multicast DNS.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::time::Instant;

/// Moonraker's service type (`components/zeroconf.py`).
const SERVICE: &str = "_moonraker._tcp.local.";
/// Time limit for resolving a name.
const RESOLVE: Duration = Duration::from_millis(500);

/// A Moonraker that announced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Its name on the network, such as `Moonraker @ voron`.
    pub name: String,
    /// Its host, such as `voron.local`.
    pub hostname: String,
    /// Addresses of the host, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Its port.
    pub port: u16,
    /// Its address: with the host name if this machine can resolve it, else with an IP address.
    pub moonraker_url: String,
}

/// Why the search failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot search the local network")]
pub struct DiscoveryError(#[from] mdns_sd::Error);

/// Sends a query and collects responses for the time `listen`.
///
/// # Errors
/// If this machine has no network on which multicast DNS works.
pub async fn discover(listen: Duration) -> Result<Vec<Discovered>, DiscoveryError> {
    let deadline = Instant::now() + listen;
    let daemon = ServiceDaemon::new()?;
    let events = daemon.browse(SERVICE)?;
    // A service is reported again when more of its addresses become known.
    let mut services = BTreeMap::new();
    while let Ok(Ok(event)) = tokio::time::timeout_at(deadline, events.recv_async()).await {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                services.insert(service.fullname.clone(), service);
            }
            ServiceEvent::ServiceRemoved(_, fullname) => drop(services.remove(&fullname)),
            _ => {}
        }
    }
    // Fails if the daemon's thread has already ended.
    daemon.shutdown().ok();
    let mut found = Vec::new();
    for service in services.into_values() {
        found.extend(described(&service).await);
    }
    Ok(found)
}

/// Converts a service. `None` if it has no usable address.
async fn described(service: &ResolvedService) -> Option<Discovered> {
    let mut addresses: Vec<_> = service
        .addresses
        .iter()
        .map(|address| address.to_ip_addr())
        .collect();
    addresses.sort();
    let first = addresses.first()?;
    let hostname = service.host.trim_end_matches('.').to_owned();
    let host = match resolves_to(&hostname, service.port, &addresses).await {
        true => hostname.clone(),
        false => SocketAddr::new(*first, service.port)
            .to_string()
            .rsplit_once(':')
            .map_or_else(|| first.to_string(), |(host, _)| host.to_owned()),
    };
    let prefix = service
        .get_property_val_str("route_prefix")
        .unwrap_or_default()
        .trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    Some(Discovered {
        name: service
            .fullname
            .trim_end_matches(SERVICE)
            .trim_end_matches('.')
            .to_owned(),
        moonraker_url: format!("http://{host}:{}{slash}{prefix}", service.port),
        hostname,
        port: service.port,
        addresses,
    })
}

async fn resolves_to(hostname: &str, port: u16, addresses: &[IpAddr]) -> bool {
    let resolved = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((hostname, port))).await;
    let Ok(Ok(mut found)) = resolved else {
        return false;
    };
    found.any(|address| addresses.contains(&address.ip()))
}
