//! The table `job_details`: what the slicer planned for a job.

use domain::JobId;
use serde_json::Value;

use crate::{Result, Store};

/// What the slicer wrote into the file of a job. `None` is unknown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobDetails {
    /// mm.
    pub layer_height: Option<f64>,
    /// mm.
    pub first_layer_height: Option<f64>,
    /// °C.
    pub nozzle_temp: Option<f64>,
    /// °C.
    pub bed_temp: Option<f64>,
    /// mm/s.
    pub print_speed: Option<f64>,
    /// Percent, 0 to 100.
    pub infill_percentage: Option<f64>,
    /// The slicer's word.
    pub infill_pattern: Option<String>,
    /// Whether supports were made.
    pub support_enabled: Option<bool>,
    /// The slicer's word.
    pub support_type: Option<String>,
    /// `PLA`, `PETG`, …
    pub filament_type: Option<String>,
    /// Maker.
    pub filament_brand: Option<String>,
    /// `#RRGGBB`, or a word.
    pub filament_color: Option<String>,
    /// s.
    pub estimated_time: Option<f64>,
    /// g.
    pub estimated_filament: Option<f64>,
    /// Number of layers.
    pub layer_count: Option<i64>,
    /// mm.
    pub object_height: Option<f64>,
    /// All that was found in the file.
    pub raw_metadata: Option<Value>,
}

impl Store {
    /// What is known of the plan of the job. `None` if nothing.
    pub async fn job_details(&self, id: JobId) -> Result<Option<JobDetails>> {
        todo!()
    }

    /// Stores what is known of the plan of the job, in place of what was. `false` if there is no such job.
    pub async fn save_job_details(&self, id: JobId, details: &JobDetails) -> Result<bool> {
        todo!()
    }
}
