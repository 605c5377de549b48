//! A [`JobFilter`] as conditions in SQL.

use std::collections::{BTreeSet, HashSet};

use domain::{AmountBounds, JobFilter, JobId, PrinterId, UNDATED};
use sea_orm::{
    DatabaseConnection,
    sea_query::{Cond, Expr, ExprTrait, Query, SelectStatement},
};

use super::{
    filter_values, notes,
    search::{self, Found},
};
use crate::db::{batches::padded, dialect::Engine, error::Fault, read::ReadConnection, tables::PrintJobs};

/// With more (printer, status) pairs than this, a list is read with one query that filters rows.
pub(super) const MAX_PARTS: usize = 24;

pub(super) fn column(column: PrintJobs) -> Expr {
    Expr::col((PrintJobs::Table, column))
}

pub(super) fn part_count(filter: &JobFilter) -> usize {
    filter.printer_ids.len().max(1) * filter.statuses.len().max(1)
}

/// Conditions for each printer and status of the filter. Each is in the order of an index.
pub(super) fn parts(filter: &JobFilter) -> Vec<Cond> {
    let printers = || filter.printer_ids.iter().copied().collect::<BTreeSet<_>>();
    let statuses = || {
        filter
            .statuses
            .iter()
            .map(|status| status.as_str())
            .collect::<BTreeSet<_>>()
    };
    let of_printer = |id: PrinterId| column(PrintJobs::PrinterId).eq(id.0);
    let of_status = |status: &str| column(PrintJobs::Status).eq(status);
    match (printers().len(), statuses().len()) {
        (0, 0) => vec![Cond::all()],
        (many, several) if many.max(1) * several.max(1) > MAX_PARTS => vec![one_of(filter)],
        (_, 0) => printers()
            .into_iter()
            .map(|id| Cond::all().add(of_printer(id)))
            .collect(),
        (0, _) => statuses()
            .into_iter()
            .map(|status| Cond::all().add(of_status(status)))
            .collect(),
        _ => printers()
            .into_iter()
            .flat_map(|id| statuses().into_iter().map(move |status| (id, status)))
            .map(|(id, status)| Cond::all().add(of_printer(id)).add(of_status(status)))
            .collect(),
    }
}

/// One condition for the printers and statuses of the filter.
fn one_of(filter: &JobFilter) -> Cond {
    let mut condition = Cond::all();
    if !filter.printer_ids.is_empty() {
        condition =
            condition.add(column(PrintJobs::PrinterId).is_in(filter.printer_ids.iter().map(|id| id.0)));
    }
    if !filter.statuses.is_empty() {
        condition =
            condition.add(column(PrintJobs::Status).is_in(filter.statuses.iter().map(|s| s.as_str())));
    }
    condition
}

/// The other conditions of the filter.
pub(super) fn common(filter: &JobFilter) -> Cond {
    let time = || column(PrintJobs::SortTime);
    let mut condition = Cond::all();
    if let Some(since) = filter.since {
        condition = condition.add(time().gte(since.as_millisecond()));
    }
    if let Some(until) = filter.until {
        condition = condition
            .add(time().lt(until.as_millisecond()))
            // A job without a start is not before any time.
            .add(time().gt(UNDATED));
    }
    if !filter.verdicts.is_empty() {
        condition = condition.add(column(PrintJobs::Id).in_subquery(notes::with_verdict(&filter.verdicts)));
    }
    if !filter.tags.is_empty() {
        condition = condition.add(column(PrintJobs::Id).in_subquery(notes::with_tag(&filter.tags)));
    }
    if !filter.verdict_reasons.is_empty() {
        condition =
            condition.add(column(PrintJobs::Id).in_subquery(notes::with_reason(&filter.verdict_reasons)));
    }
    filter_values::of_facts(condition, filter)
}

/// Whether the filter has conditions that the aggregates decide and no index serves.
pub(super) fn is_by_facts(filter: &JobFilter) -> bool {
    let by_words = [
        &filter.filament_types,
        &filter.slicers,
        &filter.users,
        &filter.causes,
    ];
    by_words.iter().any(|wanted| !wanted.is_empty())
        || [filter.print_duration, filter.filament_used] != [AmountBounds::default(); 2]
}

/// Whether the filter has conditions that the aggregates cannot decide.
pub(super) fn is_by_notes(filter: &JobFilter) -> bool {
    !filter.verdicts.is_empty() || !filter.tags.is_empty() || !filter.verdict_reasons.is_empty()
}

/// Ids of all jobs that match the filter, whose values are spelled as stored.
pub(super) async fn ids(
    db: &DatabaseConnection,
    engine: Engine,
    filter: &JobFilter,
) -> Result<HashSet<JobId>, Fault> {
    let found = search::look_for(db, engine, filter.text.as_deref()).await?;
    let query = selected(filter, &found)
        .column((PrintJobs::Table, PrintJobs::Id))
        .to_owned();
    db.rows(&query, "print_jobs", "id", |record| Ok(JobId(record.key)))
        .await
        .map(|ids| ids.into_iter().collect())
}

/// Selects the jobs that match the filter, without order or columns.
pub(super) fn selected(filter: &JobFilter, found: &Found) -> SelectStatement {
    let mut query = Query::select();
    query
        .from(PrintJobs::Table)
        .cond_where(common(filter))
        .cond_where(one_of(filter));
    match found {
        Found::All => {}
        Found::Few(ids) => {
            query.and_where(column(PrintJobs::Id).is_in(padded(ids.clone())));
        }
        Found::Many(needle) => {
            query.and_where(column(PrintJobs::Id).in_subquery(needle.ids()));
        }
    }
    query
}
