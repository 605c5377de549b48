//! Selects the jobs that match a filter from the cached months, and computes figures over them.

use std::collections::HashSet;

use analytics::{Fact, ReadError, Selection, TextMatches};
use domain::{JobFilter, JobId};
use sea_orm::{ConnectionTrait, DatabaseConnection, sea_query::ExprTrait};

use super::{filter, filter_values, rows, search};
use crate::{
    Result, Store,
    db::{error::Fault, tables::PrintJobs},
    job_months::{compute, files_containing, source},
};

impl Store {
    /// Computes figures over the jobs that the filter selects, on a thread that may block.
    ///
    /// # Errors
    /// If the database does not answer, or its aggregates are damaged.
    pub async fn analyze<T: Send + 'static>(
        &self,
        filter: &JobFilter,
        work: impl FnOnce(&Selection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T> {
        let selection = self
            .read("read the aggregates", |db| async move {
                let running = running_jobs(&db, filter).await?;
                self.select_jobs(&db, filter, &running).await
            })
            .await?;
        let done = compute(selection, work).await;
        done.map_err(|fault| fault.into_error("compute figures"))
    }

    /// Selects the ended jobs and those of `running` that match the filter. Compute figures over them with [`compute`].
    pub(crate) async fn select_jobs(
        &self,
        db: &DatabaseConnection,
        filter: &JobFilter,
        running: &[Fact],
    ) -> Result<Selection, Fault> {
        let text = search::wanted(filter);
        let (mut selection, names, filter) = self.select_months(db, filter, running, text.is_some()).await?;
        if let Some(text) = text {
            let jobs = search::noted_or_running(db, &text).await?;
            let files = files_containing(db, text, names).await?;
            selection = selection.with_text(TextMatches { files, jobs });
        }
        if let Some(ids) = self.ids_by_notes(db, filter).await? {
            selection = selection.with_ids(ids);
        }
        Ok(selection)
    }

    /// Ids of jobs by verdicts, reasons and tags, from the list's query: months contain none of them.
    async fn ids_by_notes(
        &self,
        db: &DatabaseConnection,
        filter: JobFilter,
    ) -> Result<Option<HashSet<JobId>>, Fault> {
        if !filter::is_by_notes(&filter) {
            return Ok(None);
        }
        let by_notes = JobFilter {
            text: None,
            ..filter_values::with_reasons(db, filter).await?
        };
        filter::ids(db, self.engine, &by_notes).await.map(Some)
    }

    /// Fills the caches in advance, to keep the first request fast.
    ///
    /// # Errors
    /// If the database does not answer, or its aggregates are damaged.
    pub async fn read_aggregates(&self) -> Result<()> {
        self.analyze(&JobFilter::default(), |_| Ok(())).await?;
        self.read("read the names of files", |db| async move {
            self.read_names(&db).await
        })
        .await
    }
}

/// Running jobs of the filter's printers.
pub(super) async fn running_jobs(db: &impl ConnectionTrait, filter: &JobFilter) -> Result<Vec<Fact>, Fault> {
    let mut condition = rows::is_open();
    if !filter.printer_ids.is_empty() {
        let ids = filter.printer_ids.iter().map(|id| id.0);
        condition = condition.and(source::column(PrintJobs::PrinterId).is_in(ids));
    }
    let sources = source::load(db, condition).await?;
    source::number_known(db, sources).await
}
