//! Limits the number of connections in total and per client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::HeaderMap;

use crate::serving::clients::{TrustedProxies, network};

/// Maximum number of simultaneous connections.
const CONNECTIONS: usize = 1024;
/// Maximum number of connections per address; for a client behind a proxy, simultaneous requests.
const OF_ONE_CLIENT: usize = 256;

/// Why a connection or a request has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All places are taken.
    Full,
    /// The client has reached its limit.
    ClientHasMany,
}

/// The places in use.
#[derive(Debug)]
pub(super) struct Places {
    proxies: TrustedProxies,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    connections: usize,
    /// Only clients with at least one place.
    by_client: HashMap<IpAddr, usize>,
}

/// A place; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    is_connection: bool,
    /// `None` for a connection from a proxy, which serves many clients.
    client: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self {
            proxies,
            taken: Mutex::default(),
        })
    }

    /// Takes a place for a connection.
    pub(super) fn of_connection(self: &Arc<Self>, peer: IpAddr) -> Result<Place, NoPlace> {
        let client = (!self.proxies.contains(peer)).then(|| network(peer));
        let mut taken = self.taken();
        if taken.connections >= CONNECTIONS {
            return Err(NoPlace::Full);
        }
        if let Some(client) = client {
            taken.add(client)?;
        }
        taken.connections += 1;
        Ok(Place {
            places: Arc::clone(self),
            is_connection: true,
            client,
        })
    }

    /// Takes a place for a request on a connection that has one. `None` if the peer is the client itself, so that the
    /// connection's place is sufficient.
    pub(super) fn of_request(
        self: &Arc<Self>,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Option<Place>, NoPlace> {
        let client = self.proxies.client(peer, headers);
        if client == network(peer) {
            return Ok(None);
        }
        self.taken().add(client)?;
        Ok(Some(Place {
            places: Arc::clone(self),
            is_connection: false,
            client: Some(client),
        }))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn add(&mut self, client: IpAddr) -> Result<(), NoPlace> {
        let of_client = self.by_client.entry(client).or_default();
        if *of_client >= OF_ONE_CLIENT {
            return Err(NoPlace::ClientHasMany);
        }
        *of_client += 1;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.connections -= usize::from(self.is_connection);
        if let Some(client) = self.client
            && let Some(of_client) = taken.by_client.get_mut(&client)
        {
            *of_client -= 1;
            if *of_client == 0 {
                taken.by_client.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Arc<Places> {
        Places::new(TrustedProxies::new(&["127.0.0.1/32".parse().unwrap()]))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_all_places() {
        let places = places();
        let held: Vec<_> = (0..OF_ONE_CLIENT)
            .map(|_| places.of_connection(ip("192.0.2.1")).unwrap())
            .collect();
        assert_eq!(
            places.of_connection(ip("192.0.2.1")).unwrap_err(),
            NoPlace::ClientHasMany
        );
        places.of_connection(ip("192.0.2.2")).unwrap();
        drop(held);
        places.of_connection(ip("192.0.2.1")).unwrap();
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_are_one_client() {
        let places = places();
        let _held: Vec<_> = (0..OF_ONE_CLIENT)
            .map(|n| places.of_connection(ip(&format!("2001:db8::{n:x}"))).unwrap())
            .collect();
        assert_eq!(
            places.of_connection(ip("2001:db8::ffff")).unwrap_err(),
            NoPlace::ClientHasMany
        );
        places.of_connection(ip("2001:db8:0:1::1")).unwrap();
    }

    #[test]
    fn a_proxy_may_have_all_connections_and_each_of_its_clients_some_requests() {
        let places = places();
        let from = |client: &str| {
            HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), client.parse().unwrap())])
        };
        let held: Vec<_> = (0..CONNECTIONS)
            .map(|_| places.of_connection(ip("127.0.0.1")).unwrap())
            .collect();
        assert_eq!(places.of_connection(ip("127.0.0.1")).unwrap_err(), NoPlace::Full);
        let requests: Vec<_> = (0..OF_ONE_CLIENT)
            .map(|_| places.of_request(ip("127.0.0.1"), &from("192.0.2.1")).unwrap())
            .collect();
        let refused = places.of_request(ip("127.0.0.1"), &from("192.0.2.1"));
        assert_eq!(refused.unwrap_err(), NoPlace::ClientHasMany);
        places.of_request(ip("127.0.0.1"), &from("192.0.2.2")).unwrap();
        assert!(
            places
                .of_request(ip("127.0.0.1"), &HeaderMap::new())
                .unwrap()
                .is_none()
        );
        drop((held, requests));
        let taken = places.taken();
        assert_eq!((taken.connections, taken.by_client.len()), (0, 0));
    }
}
