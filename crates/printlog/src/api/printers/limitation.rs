//! Capabilities that a printer's Moonraker lacks.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{api::schema_enums, ingest};

/// A part of Moonraker's API that this printer does not provide.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrinterLimitation)]
pub(crate) struct Limitation {
    #[schema(value_type = schema_enums::Capability)]
    capability: &'static str,
    /// What is missing, its effect, and the printer's response.
    #[schema(
        example = "this Moonraker keeps no history; jobs are recorded from print_stats only \
                        (printer refused `server.history.list` (code -32601): Method not found)"
    )]
    reason: String,
    /// The printer's response, or what could not be read.
    cause: String,
    /// Whether the printer was only too slow; printlog tries it again.
    is_slow: bool,
}

impl From<&ingest::Limitation> for Limitation {
    fn from(limitation: &ingest::Limitation) -> Self {
        Self {
            capability: limitation.capability,
            reason: limitation.reason.clone(),
            cause: limitation.cause.clone(),
            is_slow: limitation.is_slow,
        }
    }
}

impl From<&moonraker::Limitation> for Limitation {
    fn from(limitation: &moonraker::Limitation) -> Self {
        Self {
            capability: limitation.capability.as_str(),
            reason: limitation.to_string(),
            cause: limitation.cause.clone(),
            is_slow: limitation.timed_out,
        }
    }
}
