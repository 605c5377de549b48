//! Analytics: what many jobs come to. Handlers ask the store for facts and give the figures their names and units;
//! `docs/metrics.md` says what each means.

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
mod timeline;
mod verdicts;

use std::collections::BTreeMap;

use analytics::Facts;
use domain::{JobFilter, PrinterId};
pub(crate) use heatmap::View;
pub(crate) use query::Format;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState, Core,
    error::{ApiResult, Problem},
};

/// All routes of this kind.
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
}

/// Computes figures beside the tasks of the server: a million jobs take some milliseconds.
async fn compute<T: Send + 'static>(
    core: &Core,
    filter: &JobFilter,
    work: impl FnOnce(&Facts) -> T + Send + 'static,
) -> ApiResult<T> {
    let facts = core.store.facts(filter).await?;
    let turn = core.computing.clone().acquire_owned().await;
    let turn = turn.map_err(|_| Problem::internal())?;
    let done = tokio::task::spawn_blocking(move || {
        // Until it is done, even if nobody waits for it any longer.
        let _turn = turn;
        work(&facts)
    });
    done.await.map_err(|_| Problem::internal())
}

/// Names of the printers.
async fn printer_names(core: &Core) -> ApiResult<BTreeMap<PrinterId, String>> {
    let printers = core.store.printers().await?;
    Ok(printers
        .into_iter()
        .map(|printer| (printer.id, printer.config.name))
        .collect())
}
