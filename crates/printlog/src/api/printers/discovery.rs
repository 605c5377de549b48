//! Finds Moonraker instances on the local network that can be added as printers.

use std::time::Duration;

use axum::Json;
use domain::{Printer, PrinterId};
use moonraker::Endpoint;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::NoQuery,
            fault::Fault,
        },
        state::Core,
    },
    error_chain::ErrorChain,
    printers::discovery::{self, Discovered},
};

/// How long to wait for responses. Moonraker responds within a fraction of a second.
const LISTEN: Duration = Duration::from_secs(2);

/// Printers found on the local network.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiscoveredList {
    /// By name.
    items: Vec<DiscoveredBody>,
}

/// A Moonraker on the local network.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiscoveredPrinter)]
pub(crate) struct DiscoveredBody {
    /// Name on the network.
    #[schema(example = "Moonraker @ voron")]
    name: String,
    /// Host name.
    #[schema(example = "voron.local")]
    hostname: String,
    /// Addresses of the host, IPv4 first.
    addresses: Vec<String>,
    port: u16,
    /// Address at which this server reaches it: by host name if this server can resolve it, else by IP address.
    #[schema(example = "http://voron.local:7125")]
    moonraker_url: String,
    /// Id of the configured printer with this address. `null` if there is none.
    printer_id: Option<i64>,
}

/// Discover printers on the local network
///
/// Takes two seconds. Finds Moonrakers that announce themselves by multicast DNS (`[zeroconf]` in their configuration)
/// on the networks of this server; inside a container, that is usually only the container's network.
#[utoipa::path(get, path = "/api/printers/discover", tag = "printers", responses((status = 200, body = DiscoveredList)))]
pub(crate) async fn discover_printers(core: Core, _: NoQuery) -> ApiResult<Json<DiscoveredList>> {
    let found = discovery::discover(LISTEN).await.map_err(|cause| {
        Problem::unavailable(Fault::DiscoveryFailed {
            detail: ErrorChain(&cause).to_string(),
        })
    })?;
    let printers = core.store.printers().await?;
    let items = found
        .into_iter()
        .map(|found| DiscoveredBody {
            printer_id: known(&printers, &found).map(|id| id.0),
            addresses: found.addresses.iter().map(ToString::to_string).collect(),
            name: found.name,
            hostname: found.hostname,
            port: found.port,
            moonraker_url: found.moonraker_url,
        })
        .collect();
    Ok(Json(DiscoveredList { items }))
}

/// The stored printer with this host and port, compared by name or address.
fn known(printers: &[Printer], found: &Discovered) -> Option<PrinterId> {
    let is_it = |printer: &&Printer| {
        let Ok(endpoint) = Endpoint::parse(&printer.config.moonraker_url, None) else {
            return false;
        };
        let url = endpoint.websocket_url();
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_host = host.eq_ignore_ascii_case(&found.hostname)
            || found.addresses.iter().any(|address| address.to_string() == host);
        is_host && url.port_or_known_default() == Some(found.port)
    };
    printers.iter().find(is_it).map(|printer| printer.id)
}
