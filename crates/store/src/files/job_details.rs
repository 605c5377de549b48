//! The table `job_details`: the slicer's plan of a job.

use domain::JobId;
use sea_orm::sea_query::{self, Expr, ExprTrait, Query};
use serde_json::Value;

use crate::{
    Result, Store,
    db::{error::Fault, read::ReadConnection, record::Record, tables::JobDetails as Columns, text::SHORT},
};

/// Settings and estimates from the G-code file of a job. `None` means unknown.
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
    /// As the slicer names it.
    pub infill_pattern: Option<String>,
    /// Whether the slicer generated supports.
    pub support_enabled: Option<bool>,
    /// As the slicer names it.
    pub support_type: Option<String>,
    /// `PLA`, `PETG`, …
    pub filament_type: Option<String>,
    /// Vendor.
    pub filament_brand: Option<String>,
    /// `#RRGGBB`, or a colour name.
    pub filament_color: Option<String>,
    /// s.
    pub estimated_time: Option<f64>,
    /// g.
    pub estimated_filament: Option<f64>,
    /// Number of layers.
    pub layer_count: Option<i64>,
    /// mm.
    pub object_height: Option<f64>,
    /// Name of the slicer, as it appears in the file.
    pub slicer: Option<String>,
    /// Weight of the filament in g per mm.
    pub grams_per_mm: Option<f64>,
    /// Source of `grams_per_mm`: `slicer_ratio`, `file_density`, or `usual_density` (of the material).
    pub weight_source: Option<String>,
    /// Estimated filament in mm.
    pub estimated_length: Option<f64>,
    /// Cost of that filament, from the slicer's price.
    pub filament_cost: Option<f64>,
    /// Currency of the cost, as named in the file. `None` if the file names none.
    pub currency: Option<String>,
    /// All keys and values of the file.
    pub raw_metadata: Option<Value>,
}

/// All columns except the raw metadata.
pub(crate) const LIGHT: [Columns; 22] = [
    Columns::LayerHeight,
    Columns::FirstLayerHeight,
    Columns::NozzleTemp,
    Columns::BedTemp,
    Columns::PrintSpeed,
    Columns::InfillPercentage,
    Columns::InfillPattern,
    Columns::SupportEnabled,
    Columns::SupportType,
    Columns::FilamentType,
    Columns::FilamentBrand,
    Columns::FilamentColor,
    Columns::EstimatedTime,
    Columns::EstimatedFilament,
    Columns::LayerCount,
    Columns::ObjectHeight,
    Columns::Slicer,
    Columns::GramsPerMm,
    Columns::WeightSource,
    Columns::EstimatedLength,
    Columns::FilamentCost,
    Columns::Currency,
];

impl Store {
    /// Details of a job. `None` if nothing is known.
    pub async fn job_details(&self, id: JobId) -> Result<Option<JobDetails>> {
        self.read("read the details of a job", |db| async move {
            of_job(&db, id, true).await
        })
        .await
    }
}

impl JobDetails {
    /// Reads the columns from a file's metadata: from `details`, whose fields have the column names, and from the
    /// weight next to it. Values of another type become `None`.
    #[must_use]
    pub fn from_metadata(metadata: &Value) -> Self {
        let object = &metadata["details"];
        // The estimates of a resumed file are of the whole print.
        let is_resumed = metadata["warnings"]
            .as_array()
            .is_some_and(|warnings| warnings.iter().any(|warning| warning["code"] == "resumed"));
        // A file that an older version has read may lack fields, so nothing here is required.
        let number = |name: &str| object[name].as_f64();
        let text = |name: &str| object[name].as_str().map(str::to_owned);
        Self {
            layer_height: number("layer_height"),
            first_layer_height: number("first_layer_height"),
            nozzle_temp: number("nozzle_temp"),
            bed_temp: number("bed_temp"),
            print_speed: number("print_speed"),
            infill_percentage: number("infill_percentage"),
            infill_pattern: text("infill_pattern"),
            support_enabled: object["support_enabled"].as_bool(),
            support_type: text("support_type"),
            filament_type: text("filament_type"),
            filament_brand: text("filament_brand"),
            filament_color: text("filament_color"),
            estimated_time: number("estimated_time").filter(|_| !is_resumed),
            estimated_filament: number("estimated_filament").filter(|_| !is_resumed),
            layer_count: object["layer_count"].as_i64(),
            object_height: number("object_height"),
            slicer: text("slicer"),
            grams_per_mm: metadata["grams_per_mm"].as_f64(),
            weight_source: metadata["weight_source"].as_str().map(str::to_owned),
            estimated_length: number("filament_used_mm"),
            filament_cost: number("filament_cost"),
            currency: text("currency"),
            raw_metadata: None,
        }
    }
}

pub(crate) fn columns(details: &JobDetails) -> [(Columns, sea_query::Value); 23] {
    [
        (Columns::LayerHeight, details.layer_height.into()),
        (Columns::FirstLayerHeight, details.first_layer_height.into()),
        (Columns::NozzleTemp, details.nozzle_temp.into()),
        (Columns::BedTemp, details.bed_temp.into()),
        (Columns::PrintSpeed, details.print_speed.into()),
        (Columns::InfillPercentage, details.infill_percentage.into()),
        (Columns::InfillPattern, details.infill_pattern.clone().into()),
        (Columns::SupportEnabled, details.support_enabled.into()),
        (Columns::SupportType, details.support_type.clone().into()),
        (
            Columns::FilamentType,
            details.filament_type.as_deref().map(clipped).into(),
        ),
        (Columns::FilamentBrand, details.filament_brand.clone().into()),
        (Columns::FilamentColor, details.filament_color.clone().into()),
        (Columns::EstimatedTime, details.estimated_time.into()),
        (Columns::EstimatedFilament, details.estimated_filament.into()),
        (Columns::LayerCount, details.layer_count.into()),
        (Columns::ObjectHeight, details.object_height.into()),
        (Columns::Slicer, details.slicer.clone().into()),
        (Columns::GramsPerMm, details.grams_per_mm.into()),
        (
            Columns::WeightSource,
            details.weight_source.as_deref().map(clipped).into(),
        ),
        (Columns::EstimatedLength, details.estimated_length.into()),
        (Columns::FilamentCost, details.filament_cost.into()),
        (Columns::Currency, details.currency.clone().into()),
        (
            Columns::RawMetadata,
            details.raw_metadata.as_ref().map(Value::to_string).into(),
        ),
    ]
}

/// Cuts the text to the length of an indexed column. No real material name is longer.
fn clipped(text: &str) -> String {
    text.chars().take(SHORT).collect()
}

/// Details of a job, with the raw metadata only on request.
pub(crate) async fn of_job(
    db: &impl ReadConnection,
    id: JobId,
    with_raw: bool,
) -> Result<Option<JobDetails>, Fault> {
    let mut query = Query::select();
    query
        .column(Columns::PrintJobId)
        .columns(LIGHT)
        .from(Columns::Table)
        .and_where(Expr::col(Columns::PrintJobId).eq(id.0));
    if with_raw {
        query.column(Columns::RawMetadata);
    }
    db.row(&query, "job_details", "print_job_id", |record| {
        Ok(JobDetails {
            // It is large, and lists do not show it.
            raw_metadata: if with_raw {
                record.json("raw_metadata")?
            } else {
                None
            },
            ..light_details(record)?
        })
    })
    .await
}

/// Reads the columns of [`LIGHT`].
pub(crate) fn light_details(record: &Record<'_>) -> Result<JobDetails, Fault> {
    Ok(JobDetails {
        layer_height: record.get("layer_height")?,
        first_layer_height: record.get("first_layer_height")?,
        nozzle_temp: record.get("nozzle_temp")?,
        bed_temp: record.get("bed_temp")?,
        print_speed: record.get("print_speed")?,
        infill_percentage: record.get("infill_percentage")?,
        infill_pattern: record.get("infill_pattern")?,
        support_enabled: record.get("support_enabled")?,
        support_type: record.get("support_type")?,
        filament_type: record.get("filament_type")?,
        filament_brand: record.get("filament_brand")?,
        filament_color: record.get("filament_color")?,
        estimated_time: record.get("estimated_time")?,
        estimated_filament: record.get("estimated_filament")?,
        layer_count: record.get("layer_count")?,
        object_height: record.get("object_height")?,
        slicer: record.get("slicer")?,
        grams_per_mm: record.get("grams_per_mm")?,
        weight_source: record.get("weight_source")?,
        estimated_length: record.get("estimated_length")?,
        filament_cost: record.get("filament_cost")?,
        currency: record.get("currency")?,
        raw_metadata: None,
    })
}
