//! The table `job_totals`: sums over each printer's jobs, updated in the transaction that changes a job.

use domain::{Figures, JobTotals, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement},
};

use crate::{
    Error, Result, Store,
    db::{
        error::Fault,
        record::{Record, milliseconds},
        tables::{JobTotals as Totals, PrintJobs, Printers},
        transaction::{LONG, Tx},
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

    /// Recomputes all totals.
    pub async fn rebuild_totals(&self) -> Result<()> {
        for printer in self.printers().await? {
            self.write_within(LONG, "compute the totals again", |tx| async move {
                rebuild(&tx, printer.id).await
            })
            .await?;
        }
        Ok(())
    }
}

/// Totals of a printer, locked for a transaction. No other transaction can change the printer's jobs meanwhile.
pub(crate) struct OpenTotals {
    printer_id: PrinterId,
    totals: JobTotals,
    changed: bool,
    /// The longest job was deleted or became shorter, so the maximum must be recomputed.
    longest_lost: bool,
}

impl OpenTotals {
    /// Reads and locks the totals. Every change of a printer's jobs starts with this.
    pub(crate) async fn lock(tx: &Tx, printer_id: PrinterId) -> Result<Self, Fault> {
        let mut query = select();
        query
            .and_where(Expr::col(Totals::PrinterId).eq(printer_id.0))
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

    pub(crate) fn printer_id(&self) -> PrinterId {
        self.printer_id
    }

    pub(crate) fn add(&mut self, figures: &Figures) {
        self.totals.total_jobs += 1;
        self.replace(&Figures::default(), figures);
    }

    pub(crate) fn remove(&mut self, figures: &Figures) {
        self.totals.total_jobs -= 1;
        self.replace(figures, &Figures::default());
    }

    pub(crate) fn replace(&mut self, before: &Figures, after: &Figures) {
        let growth = |before: Option<f64>, after: Option<f64>| after.unwrap_or(0.0) - before.unwrap_or(0.0);
        let totals = &mut self.totals;
        totals.total_time += growth(before.total_duration, after.total_duration);
        totals.total_print_time += growth(before.print_duration, after.print_duration);
        totals.total_filament_used += growth(before.filament_used, after.filament_used);
        let shrunk = before.total_duration > after.total_duration;
        self.longest_lost |= shrunk && before.total_duration >= totals.longest_job;
        if after.total_duration > totals.longest_job {
            totals.longest_job = after.total_duration;
        }
        self.changed = true;
    }

    /// Writes the totals if a job has changed. Call it after the jobs have been written.
    pub(crate) async fn save(mut self, tx: &Tx, now: Timestamp) -> Result<(), Fault> {
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
        update(tx, self.printer_id, &self.totals).await?;
        Ok(())
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
pub(crate) async fn insert(tx: &Tx, printer_id: PrinterId, totals: &JobTotals) -> Result<(), Fault> {
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

/// Updates the totals. `false` if the printer has none.
async fn update(tx: &Tx, printer_id: PrinterId, totals: &JobTotals) -> Result<bool, Fault> {
    let statement = Query::update()
        .table(Totals::Table)
        .values(columns(totals))
        .and_where(Expr::col(Totals::PrinterId).eq(printer_id.0))
        .to_owned();
    Ok(tx.execute(&statement).await?.rows_affected() > 0)
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

fn select() -> SelectStatement {
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

async fn load(
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

async fn rebuild(tx: &Tx, printer_id: PrinterId) -> Result<(), Fault> {
    let has_totals = match OpenTotals::lock(tx, printer_id).await {
        Ok(_) => true,
        Err(Fault::Store(Error::NoSuchPrinter(_))) => false,
        Err(fault) => return Err(fault),
    };
    let mut query = sums();
    query.and_where(Expr::col(PrintJobs::PrinterId).eq(printer_id.0));
    let totals = match tx.query_one(&query).await? {
        Some(row) => computed(&Record::new(&row, "print_jobs", "printer_id")?)?,
        None => JobTotals::default(),
    };
    if has_totals {
        update(tx, printer_id, &totals).await?;
    } else {
        insert(tx, printer_id, &totals).await?;
    }
    Ok(())
}
