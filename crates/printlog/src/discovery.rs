//! Looks for Moonrakers on the local network: those with a `[zeroconf]` section tell of themselves by multicast DNS.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::time::Instant;

/// What Moonraker calls itself (`components/zeroconf.py`).
const SERVICE: &str = "_moonraker._tcp.local.";
/// How long a name may take to be resolved.
const RESOLVE: Duration = Duration::from_millis(500);

/// A Moonraker that told of itself.
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
    /// Where it is reached: by its name if this machine can resolve that, else by its address.
    pub moonraker_url: String,
}

/// Why nothing could be looked for.
#[derive(Debug, thiserror::Error)]
#[error("cannot search the local network")]
pub struct DiscoveryError(#[from] mdns_sd::Error);

/// Asks, and listens for answers for that long.
///
/// # Errors
/// When this machine has no network that multicast DNS works on.
pub async fn discover(listen: Duration) -> Result<Vec<Discovered>, DiscoveryError> {
    let deadline = Instant::now() + listen;
    let daemon = ServiceDaemon::new()?;
    let events = daemon.browse(SERVICE)?;
    // A service is told again when more of its addresses are known.
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
    // Fails if its thread has ended already.
    daemon.shutdown().ok();
    let mut found = Vec::new();
    for service in services.into_values() {
        found.extend(described(&service).await);
    }
    Ok(found)
}

/// `None` for one that has no address to reach it by.
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
