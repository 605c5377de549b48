//! Tests the address and the key of a printer once, to show a user whether they work.

use std::time::Duration;

use moonraker::{Capability, ConnectError, ConnectOptions, Endpoint, EndpointError, ProbeError, ProbeReport};
use strum_macros::{IntoStaticStr, VariantArray};

use crate::{
    connection_trouble::ConnectionTrouble, error_chain::ErrorChain, printers::address::without_login,
};

/// State of a Klipper that does not report one.
const UNKNOWN: &str = "unknown";

/// Result of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether printlog can follow the printer.
    pub outcome: Outcome,
    /// What is wrong and what to do, as text for users. `None` if nothing is.
    pub reason: Option<String>,
    /// The same for translations.
    pub trouble: Option<ConnectionTrouble>,
    /// Whether a printer that is switched off would give the same result.
    pub may_be_off: bool,
    /// What the printer reported. Empty if it was not reached.
    pub report: ProbeReport,
    /// The address at which a Moonraker responds, with scheme and port. `None` if there is none.
    pub moonraker_url: Option<String>,
}

/// Outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// printlog can follow the printer.
    Ok,
    /// The address is invalid.
    WrongAddress,
    /// The host is unknown or off, or nothing listens there.
    Unreachable,
    /// Moonraker requires an API key.
    KeyNeeded,
    /// Moonraker rejects this API key.
    WrongKey,
    /// Another server is at this address.
    NotMoonraker,
    /// It is a Moonraker, but its prints cannot be read.
    NoPrint,
}

impl Outcome {
    /// The outcome as spelled in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Tests addresses concurrently, each with its key, for a few seconds at most. Returns the first one that is a
/// Moonraker, else the first.
pub async fn find<'a>(urls: &'a [String], key_for: impl Fn(&str) -> Option<&'a str>) -> Verdict {
    let tries = urls.iter().map(|url| probe(url, key_for(url)));
    let mut verdicts = futures_util::future::join_all(tries).await;
    let best = verdicts
        .iter()
        .position(|verdict| verdict.moonraker_url.is_some())
        .unwrap_or(0);
    verdicts.swap_remove(best)
}

/// The candidate addresses, the likeliest first: if `url` lacks scheme or port, the usual ones are tried.
#[must_use]
pub fn addresses(url: &str) -> Vec<String> {
    let given = url.trim();
    let (scheme, rest) = match given.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, given),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // A login contains a colon, too.
    let name = host.rsplit('@').next().unwrap_or(host);
    let has_port = name.rfind(':').is_some_and(|colon| !name[colon..].contains(']'));
    // Moonraker's own ports, and those of front ends that forward its WebSocket.
    let ends: &[(&str, &str)] = match (scheme.as_deref(), has_port) {
        (None, true) => &[("http", ""), ("https", "")],
        (None, false) => &[
            ("http", ":7125"),
            ("http", ":80"),
            ("https", ":443"),
            ("https", ":7130"),
        ],
        (Some("http" | "ws"), false) => &[("http", ":7125"), ("http", ":80")],
        (Some("https" | "wss"), false) => &[("https", ":443"), ("https", ":7130")],
        _ => return vec![given.to_owned()],
    };
    if host.is_empty() {
        return vec![given.to_owned()];
    }
    ends.iter()
        .map(|(scheme, port)| format!("{scheme}://{host}{port}{path}"))
        .collect()
}

/// Tests exactly `url` with `api_key`, for a few seconds at most.
pub async fn probe(url: &str, api_key: Option<&str>) -> Verdict {
    let endpoint = match Endpoint::parse(url, api_key) {
        Ok(endpoint) => endpoint,
        Err(cause) => return Verdict::of_address(&cause),
    };
    let options = ConnectOptions {
        connect_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_secs(5),
        ..ConnectOptions::default()
    };
    match moonraker::probe(&endpoint, &options).await {
        Ok(report) => Verdict {
            outcome: Outcome::Ok,
            reason: klippy_trouble(&report),
            trouble: (!report.klippy_is_ready()).then(|| ConnectionTrouble::KlipperNotReady {
                state: report.klippy_state.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
            }),
            may_be_off: false,
            report,
            moonraker_url: Some(without_login(url)),
        },
        Err(cause) => {
            let outcome = outcome(&cause);
            let is_moonraker = matches!(outcome, Outcome::KeyNeeded | Outcome::WrongKey | Outcome::NoPrint);
            Verdict {
                outcome,
                reason: Some(ErrorChain(&cause).to_string()),
                trouble: Some((&cause).into()),
                may_be_off: matches!(&cause, ProbeError::Connect(cause) if cause.may_be_switched_off()),
                report: ProbeReport::default(),
                moonraker_url: is_moonraker.then(|| without_login(url)),
            }
        }
    }
}

impl Verdict {
    /// Whether Moonraker keeps no history. Prints that printlog does not observe are lost then.
    #[must_use]
    pub fn keeps_no_history(&self) -> bool {
        let mut limitations = self.report.limitations.iter();
        limitations.any(|limitation| limitation.capability == Capability::History && !limitation.timed_out)
    }

    fn of_address(cause: &EndpointError) -> Self {
        let outcome = match cause {
            EndpointError::Key => Outcome::WrongKey,
            _ => Outcome::WrongAddress,
        };
        Self {
            outcome,
            reason: Some(ErrorChain(cause).to_string()),
            trouble: Some(cause.into()),
            may_be_off: false,
            report: ProbeReport::default(),
            moonraker_url: None,
        }
    }
}

/// Why Klipper is not ready. The printer can be recorded nevertheless, but the user should be informed.
fn klippy_trouble(report: &ProbeReport) -> Option<String> {
    if report.klippy_is_ready() {
        return None;
    }
    let state = report.klippy_state.as_deref().unwrap_or(UNKNOWN);
    Some(match &report.klippy_message {
        Some(message) => format!("Klipper is not ready ({state}): {message}"),
        None => format!("Klipper is not ready ({state})"),
    })
}

fn outcome(cause: &ProbeError) -> Outcome {
    match cause {
        ProbeError::KeyNeeded => Outcome::KeyNeeded,
        ProbeError::WrongKey => Outcome::WrongKey,
        ProbeError::NoPrint { .. } | ProbeError::NoPrintStats => Outcome::NoPrint,
        ProbeError::NotMoonraker { .. }
        | ProbeError::Connect(ConnectError::NotMoonraker { .. } | ConnectError::Protocol { .. }) => {
            Outcome::NotMoonraker
        }
        ProbeError::Connect(_) => Outcome::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_by_what_is_usual() {
        for (given, wanted) in [
            (
                "voron.local",
                &[
                    "http://voron.local:7125",
                    "http://voron.local:80",
                    "https://voron.local:443",
                    "https://voron.local:7130",
                ][..],
            ),
            (
                "https://me:s3cret@voron",
                &["https://me:s3cret@voron:443", "https://me:s3cret@voron:7130"],
            ),
            (" voron:81/p1 ", &["http://voron:81/p1", "https://voron:81/p1"]),
            (
                "http://[fe80::1]",
                &["http://[fe80::1]:7125", "http://[fe80::1]:80"],
            ),
            (
                "WSS://voron/websocket",
                &["https://voron:443/websocket", "https://voron:7130/websocket"],
            ),
            ("http://voron:7126", &["http://voron:7126"]),
            ("ftp://voron", &["ftp://voron"]),
            ("", &[""]),
            ("http://", &["http://"]),
        ] {
            assert_eq!(addresses(given), wanted, "{given}");
        }
    }
}
