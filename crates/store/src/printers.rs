//! The table `printers`.

use domain::{Backfill, JobTotals, NewPrinter, Printer, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{
        Expr, ExprTrait, Func, IntoTableRef, Order, Query, SelectStatement, TableRef, UpdateStatement,
    },
};

use crate::{
    Error, Result, Store,
    error::Fault,
    gcode_files,
    record::{Record, milliseconds},
    schema::{DeletedJobs, DetailsQueue, JobDetails, JobSearch, JobTotals as Totals, PrintJobs, Printers},
    text::{check_short, name_key},
    totals::{self, OpenTotals},
    transaction::{LONG, Tx},
};

/// What became of the wish to delete a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedPrinter {
    /// It is gone, with all that belonged to it.
    Deleted,
    /// There is none.
    NotFound,
    /// It has so many jobs, and these were not to be deleted. Nothing has changed.
    HasJobs(u64),
}

impl Store {
    /// Adds a printer, with empty totals.
    ///
    /// # Errors
    /// [`Error::NameTaken`]: names are compared without regard to case and surrounding blanks. [`Error::TooLong`].
    pub async fn add_printer(&self, printer: &NewPrinter, now: Timestamp) -> Result<Printer> {
        check(printer)?;
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.write("add a printer", |tx| async move {
            if let Some(namesake) = by_name(&*tx, &printer.name).await? {
                // What an attempt has written whose answer was lost is ours.
                if tx.is_retry && namesake.created_at == now && namesake.config == *printer {
                    return Ok(namesake);
                }
                return Err(name_taken(printer).into());
            }
            let (columns, values): (Vec<_>, Vec<_>) = columns(printer).into_iter().unzip();
            let own = [
                Printers::CreatedAt,
                Printers::UpdatedAt,
                Printers::BackfillPosition,
            ];
            let statement = Query::insert()
                .into_table(Printers::Table)
                .columns(own.into_iter().chain(columns))
                .values_panic(
                    [now.as_millisecond(), now.as_millisecond(), 0]
                        .map(Expr::val)
                        .into_iter()
                        .chain(values),
                )
                .to_owned();
            let result = tx.execute(&statement).await.map_err(Fault::from);
            let id = unique(printer, result)?.last_insert_id();
            let id = PrinterId(i64::try_from(id).map_err(|_| DbErr::UnpackInsertId)?);
            totals::insert(&tx, id, &JobTotals::default()).await?;
            Ok(Printer {
                id,
                config: printer.clone(),
                last_seen: None,
                created_at: now,
                updated_at: now,
                backfill: Backfill::default(),
            })
        })
        .await
    }

    /// All printers, by name.
    pub async fn printers(&self) -> Result<Vec<Printer>> {
        let query = &select().order_by(Printers::NameKey, Order::Asc).to_owned();
        self.read("read the printers", |db| async move { load(&db, query).await })
            .await
    }

    /// The printer with this id.
    pub async fn printer(&self, id: PrinterId) -> Result<Option<Printer>> {
        self.read("read a printer", |db| async move { by_id(&db, id).await })
            .await
    }

    /// The printer with this name, without regard to case and surrounding blanks.
    pub async fn printer_by_name(&self, name: &str) -> Result<Option<Printer>> {
        self.read("read a printer", |db| async move { by_name(&db, name).await })
            .await
    }

    /// Replaces what the user said of the printer. `None` if there is none.
    ///
    /// # Errors
    /// As of [`add_printer`](Self::add_printer).
    pub async fn update_printer(
        &self,
        id: PrinterId,
        printer: &NewPrinter,
        now: Timestamp,
    ) -> Result<Option<Printer>> {
        check(printer)?;
        self.write("change a printer", |tx| async move {
            let Some(stored) = by_id(&*tx, id).await? else {
                return Ok(None);
            };
            if stored.config == *printer {
                return Ok(Some(stored));
            }
            let statement = Query::update()
                .table(Printers::Table)
                .values(columns(printer))
                .value(Printers::UpdatedAt, now.as_millisecond())
                .and_where(Expr::col(Printers::Id).eq(id.0))
                .to_owned();
            unique(printer, tx.execute(&statement).await.map_err(Fault::from))?;
            by_id(&*tx, id).await
        })
        .await
    }

    /// Deletes the printer, and its jobs if `delete_jobs`.
    pub async fn delete_printer(&self, id: PrinterId, delete_jobs: bool) -> Result<DeletedPrinter> {
        self.write_within(LONG, "delete a printer", |tx| async move {
            match OpenTotals::lock(&tx, id).await {
                Ok(_) => {}
                Err(Fault::Store(Error::NoSuchPrinter(_))) => {
                    let gone = if tx.is_retry {
                        DeletedPrinter::Deleted
                    } else {
                        DeletedPrinter::NotFound
                    };
                    return Ok(gone);
                }
                Err(fault) => return Err(fault),
            }
            let jobs = count_jobs(&tx, id).await?;
            if jobs > 0 && !delete_jobs {
                return Ok(DeletedPrinter::HasJobs(jobs));
            }
            delete_all(&tx, id).await?;
            Ok(DeletedPrinter::Deleted)
        })
        .await
    }

    /// Stores when printers last answered, all in one transaction.
    pub async fn touch_printers(&self, last_seen: &[(PrinterId, Timestamp)]) -> Result<()> {
        if last_seen.is_empty() {
            return Ok(());
        }
        self.write("store when printers were last seen", |tx| async move {
            for (id, time) in last_seen {
                let values = [(Printers::LastSeen, time.as_millisecond().into())];
                tx.execute(&change(*id, values)).await?;
            }
            Ok(())
        })
        .await
    }

    /// Stores how far the import of the printer's history has come.
    pub async fn save_backfill(&self, id: PrinterId, backfill: &Backfill) -> Result<()> {
        let values = [
            (Printers::BackfillSince, milliseconds(backfill.since).into()),
            (
                Printers::BackfillPosition,
                i64::try_from(backfill.position).unwrap_or(i64::MAX).into(),
            ),
            (
                Printers::BackfillCompletedAt,
                milliseconds(backfill.completed_at).into(),
            ),
            (
                Printers::FirstContact,
                milliseconds(backfill.first_contact).into(),
            ),
        ];
        let statement = &change(id, values);
        self.write("store how far an import is", |tx| async move {
            tx.execute(statement).await?;
            Ok(())
        })
        .await
    }
}

fn check(printer: &NewPrinter) -> Result<()> {
    check_short("name", &printer.name)?;
    // Lower case can be longer.
    check_short("name", &name_key(&printer.name))
}

fn name_taken(printer: &NewPrinter) -> Error {
    Error::NameTaken {
        name: printer.name.clone(),
    }
}

/// Two that add the same name at the same moment meet here.
fn unique<T>(printer: &NewPrinter, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|fault| {
        if fault.is_unique_violation() {
            name_taken(printer).into()
        } else {
            fault
        }
    })
}

fn columns(printer: &NewPrinter) -> [(Printers, Expr); 6] {
    [
        (Printers::Name, printer.name.clone().into()),
        (Printers::NameKey, name_key(&printer.name).into()),
        (Printers::Location, printer.location.clone().into()),
        (Printers::MoonrakerUrl, printer.moonraker_url.clone().into()),
        (
            Printers::MoonrakerApiKey,
            printer.moonraker_api_key.clone().into(),
        ),
        (Printers::IsActive, printer.is_active.into()),
    ]
}

fn change(id: PrinterId, values: impl IntoIterator<Item = (Printers, Expr)>) -> UpdateStatement {
    Query::update()
        .table(Printers::Table)
        .values(values)
        .and_where(Expr::col(Printers::Id).eq(id.0))
        .to_owned()
}

fn select() -> SelectStatement {
    Query::select()
        .columns([
            Printers::Id,
            Printers::Name,
            Printers::Location,
            Printers::MoonrakerUrl,
            Printers::MoonrakerApiKey,
            Printers::IsActive,
            Printers::LastSeen,
            Printers::CreatedAt,
            Printers::UpdatedAt,
            Printers::BackfillSince,
            Printers::BackfillPosition,
            Printers::BackfillCompletedAt,
            Printers::FirstContact,
        ])
        .from(Printers::Table)
        .to_owned()
}

async fn by_id(db: &impl ConnectionTrait, id: PrinterId) -> Result<Option<Printer>, Fault> {
    let query = select().and_where(Expr::col(Printers::Id).eq(id.0)).to_owned();
    Ok(load(db, &query).await?.pop())
}

async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<Printer>, Fault> {
    let query = select()
        .and_where(Expr::col(Printers::NameKey).eq(name_key(name)))
        .to_owned();
    Ok(load(db, &query).await?.pop())
}

async fn load(db: &impl ConnectionTrait, query: &SelectStatement) -> Result<Vec<Printer>, Fault> {
    let rows = db.query_all(query).await?;
    rows.iter()
        .map(|row| {
            let record = Record::new(row, "printers", "id")?;
            Ok(Printer {
                id: PrinterId(record.key),
                config: NewPrinter {
                    name: record.get("name")?,
                    location: record.get("location")?,
                    moonraker_url: record.get("moonraker_url")?,
                    moonraker_api_key: record.get("moonraker_api_key")?,
                    is_active: record.get("is_active")?,
                },
                last_seen: record.time("last_seen")?,
                created_at: record.required_time("created_at")?,
                updated_at: record.required_time("updated_at")?,
                backfill: Backfill {
                    since: record.time("backfill_since")?,
                    position: record.get::<i64>("backfill_position")?.try_into().unwrap_or(0),
                    completed_at: record.time("backfill_completed_at")?,
                    first_contact: record.time("first_contact")?,
                },
            })
        })
        .collect()
}

async fn count_jobs(tx: &Tx, id: PrinterId) -> Result<u64, Fault> {
    let query = Query::select()
        .expr_as(Func::count(Expr::col(PrintJobs::Id)), "number")
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::PrinterId).eq(id.0))
        .to_owned();
    let number = tx
        .query_one(&query)
        .await?
        .map(|row| row.try_get::<i64>("", "number"))
        .transpose()?;
    Ok(number.and_then(|number| number.try_into().ok()).unwrap_or(0))
}

async fn delete_all(tx: &Tx, id: PrinterId) -> Result<(), Fault> {
    let jobs = Query::select()
        .column(PrintJobs::Id)
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::PrinterId).eq(id.0))
        .to_owned();
    let from =
        |table: TableRef, condition: Expr| Query::delete().from_table(table).and_where(condition).to_owned();
    let queue = from(
        DetailsQueue::Table.into_table_ref(),
        Expr::col(DetailsQueue::PrintJobId).in_subquery(jobs.clone()),
    );
    tx.execute(&queue).await?;
    let search = from(
        JobSearch::Table.into_table_ref(),
        Expr::col(JobSearch::PrintJobId).in_subquery(jobs.clone()),
    );
    tx.execute(&search).await?;
    gcode_files::remove_of_printer(tx, id).await?;
    for statement in [
        from(
            JobDetails::Table.into_table_ref(),
            Expr::col(JobDetails::PrintJobId).in_subquery(jobs),
        ),
        from(
            PrintJobs::Table.into_table_ref(),
            Expr::col(PrintJobs::PrinterId).eq(id.0),
        ),
        from(
            DeletedJobs::Table.into_table_ref(),
            Expr::col(DeletedJobs::PrinterId).eq(id.0),
        ),
        from(
            Totals::Table.into_table_ref(),
            Expr::col(Totals::PrinterId).eq(id.0),
        ),
        from(Printers::Table.into_table_ref(), Expr::col(Printers::Id).eq(id.0)),
    ] {
        tx.execute(&statement).await?;
    }
    Ok(())
}
