//! The form in which metadata is stored: written after parsing, and read again for lists and exports.

use std::mem;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{GcodeMetadata, Moves, Parsed, Tool, Warning, WeightSource};

/// Length for which the weight is computed. Weight is proportional to length.
const METRE: f64 = 1000.0;

/// The metadata of a file as it is stored. Fields that an earlier version did not write are empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredMetadata {
    /// The values found, without the lists.
    pub details: GcodeMetadata,
    /// The filament slots.
    pub tools: Vec<Tool>,
    /// Messages for users.
    pub warnings: Vec<StoredWarning>,
    /// Weight of a mm of filament in g, from which the weight of a print that ended early is computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grams_per_mm: Option<f64>,
    /// Source of `grams_per_mm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_source: Option<WeightSource>,
}

/// A [`Warning`] as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredWarning {
    /// A stable name for programs.
    pub code: String,
    /// A sentence for users.
    pub message: String,
}

impl StoredMetadata {
    /// Metadata with its warnings, ready to be stored. Images and raw values are stored elsewhere, and dropped here.
    #[must_use]
    pub fn new(parsed: Parsed) -> Self {
        let Parsed {
            mut metadata,
            warnings,
        } = parsed;
        let weight = metadata.grams(METRE);
        Self {
            tools: mem::take(&mut metadata.tools),
            details: GcodeMetadata {
                thumbnails: Vec::new(),
                raw: IndexMap::default(),
                moves: Moves::default(),
                ..metadata
            },
            warnings: warnings.iter().map(StoredWarning::from).collect(),
            grams_per_mm: weight.map(|weight| weight.grams / METRE),
            weight_source: weight.map(|weight| weight.source),
        }
    }
}

impl From<&Warning> for StoredWarning {
    fn from(warning: &Warning) -> Self {
        Self {
            code: warning.code().to_owned(),
            message: warning.to_string(),
        }
    }
}
