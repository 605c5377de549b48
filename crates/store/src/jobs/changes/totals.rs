//! Writes `job_totals`.

use domain::{Figures, JobTotals, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Error,
    db::{
        error::Fault,
        record::milliseconds,
        tables::{JobTotals as Totals, PrintJobs},
        transaction::Tx,
    },
    jobs::totals::{load, select},
};

/// Totals of a printer, locked for a transaction. No other transaction can change the printer's jobs meanwhile.
pub(super) struct LockedTotals {
    printer_id: PrinterId,
    totals: JobTotals,
    changed: bool,
    /// The longest job was deleted or became shorter, so the maximum must be recomputed.
    longest_lost: bool,
}

impl LockedTotals {
    /// Reads and locks the totals. Every change of a printer's jobs starts with this.
    pub(super) async fn lock(tx: &Tx, printer_id: PrinterId) -> Result<Self, Fault> {
        let mut query = select();
        query
            .and_where(Expr::col(Totals::PrinterId).eq(printer_id.0))
            // On a server, this row serialises the changes of one printer. SQLite has one writer anyway.
            .lock_exclusive();
        let Some((_, totals)) = load(&**tx, &query).await?.pop() else {
            return Err(Error::NoSuchPrinter(printer_id).into());
        };
        Ok(Self {
            printer_id,
            totals,
            changed: false,
            longest_lost: false,
        })
    }

    pub(super) fn add(&mut self, figures: &Figures) {
        self.totals.total_jobs += 1;
        self.replace(&Figures::default(), figures);
    }

    pub(super) fn remove(&mut self, figures: &Figures) {
        self.totals.total_jobs -= 1;
        self.replace(figures, &Figures::default());
    }

    pub(super) fn replace(&mut self, before: &Figures, after: &Figures) {
        let growth = |before: Option<f64>, after: Option<f64>| after.unwrap_or(0.0) - before.unwrap_or(0.0);
        let totals = &mut self.totals;
        totals.total_time += growth(before.total_duration, after.total_duration);
        totals.total_print_time += growth(before.print_duration, after.print_duration);
        totals.total_filament_used += growth(before.filament_used, after.filament_used);
        let shrunk = before.total_duration > after.total_duration;
        // A sum can be corrected by a difference, a maximum cannot.
        self.longest_lost |= shrunk && before.total_duration >= totals.longest_job;
        if after.total_duration > totals.longest_job {
            totals.longest_job = after.total_duration;
        }
        self.changed = true;
    }

    /// Writes the totals if a job has changed. Call it after the jobs have been written.
    pub(super) async fn save(mut self, tx: &Tx, now: Timestamp) -> Result<(), Fault> {
        if !self.changed {
            return Ok(());
        }
        if self.longest_lost {
            self.totals.longest_job = longest(tx, self.printer_id).await?;
        }
        self.totals.last_updated = Some(now);
        if self.totals.total_jobs == 0 {
            // Exact zeros instead of accumulated rounding errors.
            self.totals = JobTotals::default();
        }
        update(tx, self.printer_id, &self.totals).await
    }
}

async fn longest(tx: &Tx, printer_id: PrinterId) -> Result<Option<f64>, Fault> {
    let query = Query::select()
        .expr_as(Expr::col(PrintJobs::TotalDuration).max(), "longest_job")
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::PrinterId).eq(printer_id.0))
        .to_owned();
    let row = tx.query_one(&query).await?;
    Ok(row
        .map(|row| row.try_get("", "longest_job"))
        .transpose()?
        .flatten())
}

/// Inserts the totals of a new printer.
pub(super) async fn insert(tx: &Tx, printer_id: PrinterId, totals: &JobTotals) -> Result<(), Fault> {
    let (columns, values): (Vec<_>, Vec<_>) = columns(totals).into_iter().unzip();
    let statement = Query::insert()
        .into_table(Totals::Table)
        .columns(
            [Totals::PrinterId, Totals::FactsFormat]
                .into_iter()
                .chain(columns),
        )
        .values_panic(
            [printer_id.0, analytics::FORMAT]
                .map(Expr::val)
                .into_iter()
                .chain(values),
        )
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

async fn update(tx: &Tx, printer_id: PrinterId, totals: &JobTotals) -> Result<(), Fault> {
    let statement = Query::update()
        .table(Totals::Table)
        .values(columns(totals))
        .and_where(Expr::col(Totals::PrinterId).eq(printer_id.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

fn columns(totals: &JobTotals) -> [(Totals, Expr); 6] {
    [
        (Totals::TotalJobs, totals.total_jobs.into()),
        (Totals::TotalTime, totals.total_time.into()),
        (Totals::TotalPrintTime, totals.total_print_time.into()),
        (Totals::TotalFilamentUsed, totals.total_filament_used.into()),
        (Totals::LongestJob, totals.longest_job.into()),
        (Totals::LastUpdated, milliseconds(totals.last_updated).into()),
    ]
}
