//! Conditions of a filter on amounts, words and details of jobs. Words are compared exactly, so a filter is completed with
//! every spelling that occurs.

use domain::{AmountBounds, JobFilter};
use sea_orm::{
    DatabaseConnection,
    sea_query::{Cond, Expr, ExprTrait, Query},
};

use super::{notes, selection};
use crate::{
    Store,
    db::{
        error::Fault,
        tables::{JobDetails, PrintJobs},
    },
    job_months::spellings::with_variants,
};

/// Adds the conditions of the filter on amounts, words and details. Words must be spelled as stored.
pub(super) fn of_facts(mut condition: Cond, filter: &JobFilter) -> Cond {
    let column = |column: PrintJobs| Expr::col((PrintJobs::Table, column));
    for (bounded, bounds) in [
        (PrintJobs::PrintDuration, filter.print_duration),
        (PrintJobs::FilamentUsed, filter.filament_used),
    ] {
        let AmountBounds { min, max } = bounds;
        if let Some(min) = min {
            // The aggregates hold rounded amounts; a list and its figures must select the same jobs.
            condition = condition.add(column(bounded).gte(in_units(min, -0.5)));
        }
        if let Some(max) = max {
            condition = condition.add(column(bounded).lt(in_units(max, 0.5)));
        }
    }
    for (word, wanted) in [
        (PrintJobs::User, &filter.users),
        (PrintJobs::Cause, &filter.causes),
    ] {
        if wanted.is_empty() {
            continue;
        }
        let mut any = Cond::any().add(column(word).is_in(wanted.iter().flatten()));
        // `IN` matches no null.
        if wanted.contains(&None) {
            any = any.add(column(word).is_null());
        }
        condition = condition.add(any);
    }
    for (detail, wanted) in [
        (JobDetails::FilamentType, &filter.filament_types),
        (JobDetails::Slicer, &filter.slicers),
    ] {
        if !wanted.is_empty() {
            condition = condition.add(of_details(detail, wanted));
        }
    }
    condition
}

/// Bounds are compared after rounding to thousandths, as in the aggregates.
#[expect(
    clippy::cast_precision_loss,
    reason = "amounts are far below 2^52 thousandths"
)]
fn in_units(thousandths: u64, rounding: f64) -> f64 {
    (thousandths as f64 + rounding) / 1000.0
}

fn of_details(detail: JobDetails, wanted: &[Option<String>]) -> Cond {
    let value = || Expr::col((JobDetails::Table, detail));
    let details_where = |condition: Expr| {
        Query::select()
            .expr(Expr::val(1))
            .from(JobDetails::Table)
            .and_where(
                Expr::col((JobDetails::Table, JobDetails::PrintJobId))
                    .equals((PrintJobs::Table, PrintJobs::Id)),
            )
            .and_where(condition)
            .to_owned()
    };
    let mut any = Cond::any();
    if wanted.iter().any(Option::is_some) {
        any = any.add(Expr::exists(details_where(
            value().is_in(wanted.iter().flatten()),
        )));
    }
    if wanted.contains(&None) {
        // Also a job without any details has no such value.
        any = any.add(Expr::exists(details_where(value().is_not_null())).not());
    }
    any
}

/// Whether the filter has values that are compared without case.
fn has_words(filter: &JobFilter) -> bool {
    let JobFilter {
        filament_types,
        slicers,
        users,
        causes,
        verdict_reasons,
        ..
    } = filter;
    let all = [filament_types, slicers, users, causes, verdict_reasons];
    all.iter().any(|wanted| !wanted.is_empty())
}

impl Store {
    /// The filter with every stored spelling of its values, for queries that compare them exactly.
    pub(crate) async fn with_spellings(
        &self,
        db: &DatabaseConnection,
        filter: &JobFilter,
    ) -> Result<JobFilter, Fault> {
        // The spellings need the aggregates, which most lists do not.
        if !has_words(filter) {
            return Ok(filter.clone());
        }
        let running = selection::running_jobs(db, filter).await?;
        let filter = self
            .month_cache
            .lock()
            .await
            .spelled(db, filter, &running)
            .await?;
        with_reasons(db, filter).await
    }
}

/// Completes the reasons of verdicts.
pub(super) async fn with_reasons(db: &DatabaseConnection, filter: JobFilter) -> Result<JobFilter, Fault> {
    if filter.verdict_reasons.iter().flatten().next().is_none() {
        return Ok(filter);
    }
    let known = notes::reasons_in_use(db).await?;
    Ok(JobFilter {
        verdict_reasons: with_variants(&filter.verdict_reasons, known.iter().map(String::as_str)),
        ..filter
    })
}
