//! Analytics routes. The store computes the figures; the handlers add names and units. `docs/metrics.md` defines each
//! figure.

mod comparison;
mod estimates;
mod failures;
mod figures;
mod filament;
mod files;
mod heatmap;
mod printers;
mod query;
mod sheet;
mod summary;
mod table;
mod timeline;
mod verdicts;
pub(crate) mod workbook;

use std::collections::BTreeMap;

use analytics::{ReadError, Selection};
pub(crate) use comparison::ComparisonBase;
use domain::{JobFilter, PrinterId};
pub(crate) use heatmap::View;
pub(crate) use query::{Format, time_zone};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::{
    http::error::{ApiResult, Problem},
    state::{ApiState, Core},
};

/// All analytics routes.
pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(summary::get_summary))
        .routes(routes!(printers::compare_printers))
        .routes(routes!(printers::get_printer_analytics))
        .routes(routes!(filament::get_filament))
        .routes(routes!(timeline::get_timeline))
        .routes(routes!(heatmap::get_heatmap))
        .routes(routes!(estimates::get_estimates))
        .routes(routes!(files::get_files))
        .routes(routes!(failures::get_failures))
        .routes(routes!(verdicts::get_verdicts))
        .routes(routes!(workbook::export_analytics))
}

/// Runs a computation, at most as many at once as there are cores.
pub(crate) async fn compute<T: Send + 'static>(
    core: &Core,
    filter: &JobFilter,
    work: impl FnOnce(&Selection) -> Result<T, ReadError> + Send + 'static,
) -> ApiResult<T> {
    let permit = core.computing.clone().acquire_owned().await;
    let permit = permit.map_err(|_| Problem::internal())?;
    let figures = core.store.analyze(filter, move |jobs| {
        // The computation holds the permit even after the client has disconnected.
        let _permit = permit;
        work(jobs)
    });
    Ok(figures.await?)
}

/// Names of the printers.
pub(crate) async fn printer_names(core: &Core) -> ApiResult<BTreeMap<PrinterId, String>> {
    let printers = core.store.printers().await?;
    Ok(printers
        .into_iter()
        .map(|printer| (printer.id, printer.config.name))
        .collect())
}
