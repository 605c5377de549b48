//! Tries the address and the key of a printer once, for a person who wants to know whether they work.

use std::{error::Error, time::Duration};

use moonraker::{ConnectError, ConnectOptions, Endpoint, EndpointError, ProbeError, ProbeReport};

/// What the try showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether printlog can follow the printer.
    pub outcome: Outcome,
    /// In plain words, what is wrong and what to do. `None` if nothing is.
    pub reason: Option<String>,
    /// What the printer said of itself. Empty if it was not reached.
    pub report: ProbeReport,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// printlog can follow the printer.
    Ok,
    /// The address cannot be used at all.
    WrongAddress,
    /// The host is not known, not on, or nothing listens there.
    Unreachable,
    /// It wants an API key.
    KeyNeeded,
    /// It does not accept this API key.
    WrongKey,
    /// Something else is at this address.
    NotMoonraker,
}

impl Outcome {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::WrongAddress => "wrong_address",
            Self::Unreachable => "unreachable",
            Self::KeyNeeded => "key_needed",
            Self::WrongKey => "wrong_key",
            Self::NotMoonraker => "not_moonraker",
        }
    }
}

/// Tries `url` with `api_key`, for a few seconds at most.
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
            report,
        },
        Err(cause) => Verdict {
            outcome: outcome(&cause),
            reason: Some(chain(&cause)),
            report: ProbeReport::default(),
        },
    }
}

impl Verdict {
    fn of_address(cause: &EndpointError) -> Self {
        let outcome = match cause {
            EndpointError::Key => Outcome::WrongKey,
            _ => Outcome::WrongAddress,
        };
        Self {
            outcome,
            reason: Some(chain(cause)),
            report: ProbeReport::default(),
        }
    }
}

/// A printer whose Klipper is not ready can be followed all the same; its owner may want to know.
fn klippy_trouble(report: &ProbeReport) -> Option<String> {
    if report.klippy_is_ready() {
        return None;
    }
    let state = report.klippy_state.as_deref().unwrap_or("unknown");
    Some(match &report.klippy_message {
        Some(message) => format!("Klipper is not ready ({state}): {message}"),
        None => format!("Klipper is not ready ({state})"),
    })
}

fn outcome(cause: &ProbeError) -> Outcome {
    match cause {
        ProbeError::KeyNeeded => Outcome::KeyNeeded,
        ProbeError::WrongKey => Outcome::WrongKey,
        ProbeError::NotMoonraker { .. }
        | ProbeError::Connect(ConnectError::NotMoonraker { .. } | ConnectError::Protocol { .. }) => {
            Outcome::NotMoonraker
        }
        ProbeError::Connect(_) => Outcome::Unreachable,
    }
}

/// The error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
