//! The table `job_totals`: sums over each printer's jobs, updated in the transaction that changes a job.

use domain::{JobTotals, PrinterId};
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement},
};

use crate::{
    Result, Store,
    db::{
        error::Fault,
        record::Record,
        tables::{JobTotals as Totals, PrintJobs, Printers},
        transaction::LONG,
    },
};

/// A printer whose totals differ from its jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct TotalsMismatch {
    /// The printer.
    pub printer_id: PrinterId,
    /// The stored totals. `None` if there are none.
    pub stored: Option<JobTotals>,
    /// The totals computed from its jobs.
    pub computed: JobTotals,
}

impl Store {
    /// Totals of a printer. `None` if there is no such printer.
    pub async fn totals(&self, printer_id: PrinterId) -> Result<Option<JobTotals>> {
        let query = &select()
            .and_where(Expr::col(Totals::PrinterId).eq(printer_id.0))
            .to_owned();
        let all = self
            .read("read the totals of a printer", |db| async move {
                load(&db, query).await
            })
            .await?;
        Ok(all.into_iter().next().map(|(_, totals)| totals))
    }

    /// Totals of all printers.
    pub async fn all_totals(&self) -> Result<Vec<(PrinterId, JobTotals)>> {
        let query = &select().order_by(Totals::PrinterId, Order::Asc).to_owned();
        self.read("read the totals", |db| async move { load(&db, query).await })
            .await
    }

    /// Compares the totals with the jobs. Returns the printers that differ.
    pub async fn check_totals(&self) -> Result<Vec<TotalsMismatch>> {
        self.read_within(LONG, "compare the totals with the jobs", compare)
            .await
    }
}

pub(super) fn select() -> SelectStatement {
    Query::select()
        .columns([
            Totals::PrinterId,
            Totals::TotalJobs,
            Totals::TotalTime,
            Totals::TotalPrintTime,
            Totals::TotalFilamentUsed,
            Totals::LongestJob,
            Totals::LastUpdated,
        ])
        .from(Totals::Table)
        .to_owned()
}

pub(super) async fn load(
    db: &impl ConnectionTrait,
    query: &SelectStatement,
) -> Result<Vec<(PrinterId, JobTotals)>, Fault> {
    let rows = db.query_all(query).await?;
    rows.iter()
        .map(|row| {
            let record = Record::new(row, "job_totals", "printer_id")?;
            let totals = JobTotals {
                total_jobs: record.get("total_jobs")?,
                total_time: record.get("total_time")?,
                total_print_time: record.get("total_print_time")?,
                total_filament_used: record.get("total_filament_used")?,
                longest_job: record.get("longest_job")?,
                last_updated: record.time("last_updated")?,
            };
            Ok((PrinterId(record.key), totals))
        })
        .collect()
}

/// Sums over the jobs by printer, with the column names of `job_totals`.
fn sums() -> SelectStatement {
    Query::select()
        .column(PrintJobs::PrinterId)
        .expr_as(Func::count(Expr::col(PrintJobs::Id)), "total_jobs")
        .expr_as(Expr::col(PrintJobs::TotalDuration).sum(), "total_time")
        .expr_as(Expr::col(PrintJobs::PrintDuration).sum(), "total_print_time")
        .expr_as(Expr::col(PrintJobs::FilamentUsed).sum(), "total_filament_used")
        .expr_as(Expr::col(PrintJobs::TotalDuration).max(), "longest_job")
        .expr_as(Expr::col(PrintJobs::UpdatedAt).max(), "last_updated")
        .from(PrintJobs::Table)
        .group_by_col(PrintJobs::PrinterId)
        .to_owned()
}

/// Reads sums from a row. They are null for a printer without jobs.
fn computed(record: &Record<'_>) -> Result<JobTotals, Fault> {
    // A sum over no rows is null.
    let sum = |column| Ok::<f64, Fault>(record.get::<Option<f64>>(column)?.unwrap_or(0.0));
    Ok(JobTotals {
        total_jobs: record.get::<Option<i64>>("total_jobs")?.unwrap_or(0),
        total_time: sum("total_time")?,
        total_print_time: sum("total_print_time")?,
        total_filament_used: sum("total_filament_used")?,
        longest_job: record.get("longest_job")?,
        last_updated: record.time("last_updated")?,
    })
}

/// Compares in one statement, so that a concurrent change of a job is in both sides or in neither.
async fn compare(db: DatabaseConnection) -> Result<Vec<TotalsMismatch>, Fault> {
    let sum = |name: &'static str| Expr::col(("sums", name));
    let stored = |column: Totals| Expr::col((Totals::Table, column));
    let query = Query::select()
        .column((Printers::Table, Printers::Id))
        .expr_as(sum("total_jobs"), "total_jobs")
        .expr_as(sum("total_time"), "total_time")
        .expr_as(sum("total_print_time"), "total_print_time")
        .expr_as(sum("total_filament_used"), "total_filament_used")
        .expr_as(sum("longest_job"), "longest_job")
        .expr_as(sum("last_updated"), "last_updated")
        .expr_as(stored(Totals::TotalJobs), "stored_jobs")
        .expr_as(stored(Totals::TotalTime), "stored_time")
        .expr_as(stored(Totals::TotalPrintTime), "stored_print_time")
        .expr_as(stored(Totals::TotalFilamentUsed), "stored_filament_used")
        .expr_as(stored(Totals::LongestJob), "stored_longest_job")
        .expr_as(stored(Totals::LastUpdated), "stored_last_updated")
        .from(Printers::Table)
        .left_join(
            Totals::Table,
            stored(Totals::PrinterId).equals((Printers::Table, Printers::Id)),
        )
        .join_subquery(
            // A printer without jobs has no sums, and must have empty totals.
            sea_orm::JoinType::LeftJoin,
            sums(),
            "sums",
            sum("printer_id").equals((Printers::Table, Printers::Id)),
        )
        .order_by((Printers::Table, Printers::Id), Order::Asc)
        .to_owned();
    let mut mismatches = Vec::new();
    for row in db.query_all(&query).await? {
        let record = Record::new(&row, "printers", "id")?;
        let computed = computed(&record)?;
        let stored = match record.get::<Option<i64>>("stored_jobs")? {
            None => None,
            Some(total_jobs) => Some(JobTotals {
                total_jobs,
                total_time: record.get("stored_time")?,
                total_print_time: record.get("stored_print_time")?,
                total_filament_used: record.get("stored_filament_used")?,
                longest_job: record.get("stored_longest_job")?,
                last_updated: record.time("stored_last_updated")?,
            }),
        };
        // Not equality: sums of floating-point numbers depend on their order.
        if !stored.is_some_and(|stored| stored.agrees_with(&computed)) {
            mismatches.push(TotalsMismatch {
                printer_id: PrinterId(record.key),
                stored,
                computed,
            });
        }
    }
    Ok(mismatches)
}
