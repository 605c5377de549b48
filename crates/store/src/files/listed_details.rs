//! The part of the details of jobs that lists show, with the weight and the cost of the used filament.

use std::collections::HashMap;

use analytics::COST_UNIT;
use domain::{JobId, USUAL_DENSITY, used_cost, used_grams};
use sea_orm::sea_query::{Expr, ExprTrait, Query};

use super::job_details::JobDetails;
use crate::{
    Store,
    db::{error::Fault, read::ReadConnection, tables::JobDetails as Columns},
};

/// The part of the details that lists show, and what weight and cost are computed from.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "see `JobDetails`")]
pub struct ListedDetails {
    pub layer_height: Option<f64>,
    pub filament_type: Option<String>,
    pub filament_brand: Option<String>,
    pub filament_color: Option<String>,
    pub slicer: Option<String>,
    pub grams_per_mm: Option<f64>,
    pub weight_source: Option<String>,
    pub estimated_length: Option<f64>,
    pub filament_cost: Option<f64>,
    /// As the file names it, or [`Store::currency`].
    pub currency: Option<String>,
}

/// Columns of [`ListedDetails`].
const LISTED: [Columns; 10] = [
    Columns::LayerHeight,
    Columns::FilamentType,
    Columns::FilamentBrand,
    Columns::FilamentColor,
    Columns::Slicer,
    Columns::GramsPerMm,
    Columns::WeightSource,
    Columns::EstimatedLength,
    Columns::FilamentCost,
    Columns::Currency,
];

impl ListedDetails {
    /// Filament used in g, rounded to mg, and whether it is computed with the usual density of the material.
    #[must_use]
    pub fn used_grams(&self, used_mm: Option<f64>) -> Option<(f64, bool)> {
        let grams = used_grams(self.grams_per_mm, used_mm)?;
        let is_estimated = self.weight_source.as_deref() == Some(USUAL_DENSITY);
        Some(((grams * 1000.0).round() / 1000.0, is_estimated))
    }

    /// Cost of the used filament, rounded as in the analytics.
    #[must_use]
    pub fn used_cost(&self, used_mm: Option<f64>) -> Option<f64> {
        let cost = used_cost(self.filament_cost, self.estimated_length, used_mm)?;
        Some((cost * COST_UNIT).round() / COST_UNIT)
    }
}

impl From<&JobDetails> for ListedDetails {
    fn from(details: &JobDetails) -> Self {
        let JobDetails {
            layer_height,
            filament_type,
            filament_brand,
            filament_color,
            slicer,
            grams_per_mm,
            weight_source,
            estimated_length,
            filament_cost,
            currency,
            ..
        } = details.clone();
        Self {
            layer_height,
            filament_type,
            filament_brand,
            filament_color,
            slicer,
            grams_per_mm,
            weight_source,
            estimated_length,
            filament_cost,
            currency,
        }
    }
}

impl Store {
    /// Sets the currency of a cost whose file names none.
    pub(crate) fn complete_currency(&self, details: &mut ListedDetails) {
        if details.filament_cost.is_some() && details.currency.is_none() {
            details.currency = self.currency.get().as_deref().map(str::to_owned);
        }
    }
}

/// Details of these jobs for a list. Jobs without details are omitted.
pub(crate) async fn of_jobs(
    db: &impl ReadConnection,
    ids: &[JobId],
) -> Result<HashMap<JobId, ListedDetails>, Fault> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = Query::select()
        .column(Columns::PrintJobId)
        .columns(LISTED)
        .from(Columns::Table)
        .and_where(Expr::col(Columns::PrintJobId).is_in(ids.iter().map(|id| id.0)))
        .to_owned();
    let details = db.rows(&query, "job_details", "print_job_id", |record| {
        let details = ListedDetails {
            layer_height: record.get("layer_height")?,
            filament_type: record.get("filament_type")?,
            filament_brand: record.get("filament_brand")?,
            filament_color: record.get("filament_color")?,
            slicer: record.get("slicer")?,
            grams_per_mm: record.get("grams_per_mm")?,
            weight_source: record.get("weight_source")?,
            estimated_length: record.get("estimated_length")?,
            filament_cost: record.get("filament_cost")?,
            currency: record.get("currency")?,
        };
        Ok((JobId(record.key), details))
    });
    Ok(details.await?.into_iter().collect())
}
