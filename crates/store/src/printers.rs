//! The table `printers`.

use domain::{Backfill, NewPrinter, Printer, PrinterId, PrinterKind};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Func, Order, Query},
};

use crate::{
    Error, Result, Store,
    db::{
        error::Fault,
        ids,
        record::milliseconds,
        tables::{PrintJobs, Printers},
        text::{check_short, name_key},
        transaction::{LONG, Tx},
    },
    jobs::changes::{self, JobChanges},
    printer_rows::{by_id, by_name, change, columns, load, select},
};

/// Result of deleting a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedPrinter {
    /// Deleted, with all its data.
    Deleted,
    /// There is no such printer.
    NotFound,
    /// Refused, because it has this many jobs and `delete_jobs` was not set. Nothing has changed.
    HasJobs(u64),
}

impl Store {
    /// Adds a printer, with empty totals.
    ///
    /// # Errors
    /// [`Error::NameTaken`]: comparison ignores case, Unicode form and surrounding whitespace. [`Error::TooLong`].
    pub async fn add_printer(&self, printer: &NewPrinter, now: Timestamp) -> Result<Printer> {
        check(printer)?;
        // As it will be read back: the retry below compares it with the stored time.
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.write("add a printer", |tx| async move {
            if let Some(namesake) = by_name(&*tx, &self.secret, &printer.name).await? {
                // An earlier attempt may have committed although its answer was lost.
                if tx.is_retry && namesake.created_at == now && namesake.config == *printer {
                    return Ok(namesake);
                }
                return Err(name_taken(printer).into());
            }
            let key = self.sealed_key(printer)?;
            let id = insert(&tx, printer, key, None, now).await?;
            Ok(Printer {
                id,
                config: printer.clone(),
                key_is_unreadable: false,
                last_seen: None,
                created_at: now,
                updated_at: now,
                backfill: Backfill::default(),
            })
        })
        .await
    }

    /// Finds a printer by name or adds it, and returns whether it was added. A new printer is disabled, because its
    /// address is unknown, and gets its previous id if that is free.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub async fn adopt_printer(
        &self,
        name: &str,
        had_id: Option<PrinterId>,
        now: Timestamp,
    ) -> Result<(PrinterId, bool)> {
        let printer = &NewPrinter {
            name: name.to_owned(),
            kind: PrinterKind::default(),
            location: None,
            // A host name that never resolves (RFC 2606).
            moonraker_url: "http://address-not-known.invalid:7125".to_owned(),
            moonraker_api_key: None,
            is_active: false,
        };
        check(printer)?;
        self.write("add a printer", |tx| async move {
            if let Some(known) = by_name(&*tx, &self.secret, name).await? {
                return Ok((known.id, false));
            }
            // An id near the end of the range would leave none for later printers.
            let id = match had_id.filter(|id| ids::is_kept(id.0)) {
                Some(id) if by_id(&*tx, &self.secret, id).await?.is_none() => Some(id),
                _ => None,
            };
            Ok((
                insert(&tx, printer, self.sealed_key(printer)?, id, now).await?,
                true,
            ))
        })
        .await
    }

    /// All printers, by name.
    pub async fn printers(&self) -> Result<Vec<Printer>> {
        // Taken before the read: a key that changes during it makes the count unknown, not wrong.
        let changes = self.unreadable_keys.changes();
        let query = &select().order_by(Printers::NameKey, Order::Asc).to_owned();
        let printers = self
            .read("read the printers", |db| async move {
                load(&db, &self.secret, query).await
            })
            .await?;
        self.unreadable_keys.note(changes, &printers);
        Ok(printers)
    }

    /// The printer with this id.
    pub async fn printer(&self, id: PrinterId) -> Result<Option<Printer>> {
        self.read("read a printer", |db| async move {
            by_id(&db, &self.secret, id).await
        })
        .await
    }

    /// The printer with this name. Case and surrounding whitespace are ignored.
    pub async fn printer_by_name(&self, name: &str) -> Result<Option<Printer>> {
        self.read("read a printer", |db| async move {
            by_name(&db, &self.secret, name).await
        })
        .await
    }

    /// Replaces a printer's configuration. `None` if there is no such printer. If `printer` has no API key, a stored
    /// key that cannot be decrypted is kept: it may be readable again when the secret key is restored.
    ///
    /// # Errors
    /// See [`add_printer`](Self::add_printer).
    pub async fn update_printer(
        &self,
        id: PrinterId,
        printer: &NewPrinter,
        now: Timestamp,
    ) -> Result<Option<Printer>> {
        check(printer)?;
        let result = self
            .write("change a printer", |tx| async move {
                let Some(stored) = by_id(&*tx, &self.secret, id).await? else {
                    return Ok(None);
                };
                // A change of `updated_at` alone would be no change.
                if stored.config == *printer {
                    return Ok(Some(stored));
                }
                let mut statement = Query::update();
                if !(stored.key_is_unreadable && printer.moonraker_api_key.is_none()) {
                    statement.value(Printers::MoonrakerApiKey, self.sealed_key(printer)?);
                }
                let statement = statement
                    .table(Printers::Table)
                    .values(columns(printer))
                    .value(Printers::UpdatedAt, now.as_millisecond())
                    .and_where(Expr::col(Printers::Id).eq(id.0))
                    .to_owned();
                // The name was not looked up first: the unique index decides, also between two requests.
                unique(printer, tx.execute(&statement).await.map_err(Fault::from))?;
                by_id(&*tx, &self.secret, id).await
            })
            .await;
        // Also after an error, which may have been reported for a commit that succeeded.
        self.unreadable_keys.changed();
        result
    }

    /// Number of printers whose API keys cannot be decrypted. Changes by other processes count after the next call of
    /// [`printers`](Self::printers).
    pub async fn unreadable_key_count(&self) -> Result<usize> {
        if let Some(count) = self.unreadable_keys.count() {
            return Ok(count);
        }
        let printers = self.printers().await?;
        Ok(printers
            .iter()
            .filter(|printer| printer.key_is_unreadable)
            .count())
    }

    fn sealed_key(&self, printer: &NewPrinter) -> Result<Expr, Error> {
        let sealed = printer.moonraker_api_key.as_deref().map(|key| self.seal(key));
        Ok(sealed.transpose()?.into())
    }

    /// Deletes a printer, with its jobs if `delete_jobs` is set.
    pub async fn delete_printer(
        &self,
        id: PrinterId,
        delete_jobs: bool,
        now: Timestamp,
    ) -> Result<DeletedPrinter> {
        let result = self
            .write_within(LONG, "delete a printer", |tx| async move {
                let mut changes = match JobChanges::lock(&tx, id, now).await {
                    Ok(changes) => changes,
                    Err(Fault::Store(Error::NoSuchPrinter(_))) => {
                        // An earlier attempt may have deleted it although its answer was lost.
                        let gone = if tx.is_retry {
                            DeletedPrinter::Deleted
                        } else {
                            DeletedPrinter::NotFound
                        };
                        return Ok(gone);
                    }
                    Err(fault) => return Err(fault),
                };
                // Under the lock: no job can be added between the count and the deletion.
                let jobs = count_jobs(&tx, id).await?;
                if jobs > 0 && !delete_jobs {
                    changes.finish().await?;
                    return Ok(DeletedPrinter::HasJobs(jobs));
                }
                changes.remove_printer(id).await?;
                changes.finish().await?;
                let printer = Query::delete()
                    .from_table(Printers::Table)
                    .and_where(Expr::col(Printers::Id).eq(id.0))
                    .to_owned();
                tx.execute(&printer).await?;
                Ok(DeletedPrinter::Deleted)
            })
            .await;
        self.unreadable_keys.changed();
        result
    }

    /// Stores when printers last responded, in one transaction.
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

    /// Stores the progress of a printer's backfill.
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
        self.write("store the progress of an import", |tx| async move {
            tx.execute(statement).await?;
            Ok(())
        })
        .await
    }
}

/// Inserts a printer with empty totals.
async fn insert(
    tx: &Tx,
    printer: &NewPrinter,
    sealed_key: Expr,
    id: Option<PrinterId>,
    now: Timestamp,
) -> Result<PrinterId, Fault> {
    let own = [
        (Printers::CreatedAt, now.as_millisecond()),
        (Printers::UpdatedAt, now.as_millisecond()),
        (Printers::BackfillPosition, 0),
    ];
    let own = own.into_iter().chain(id.map(|id| (Printers::Id, id.0)));
    let own = own.map(|(column, number)| (column, Expr::val(number)));
    let key = [(Printers::MoonrakerApiKey, sealed_key)];
    let (columns, values): (Vec<_>, Vec<_>) = own.chain(columns(printer)).chain(key).unzip();
    let statement = Query::insert()
        .into_table(Printers::Table)
        .columns(columns)
        .values_panic(values)
        .to_owned();
    let result = tx.execute(&statement).await.map_err(Fault::from);
    let inserted = unique(printer, result)?.last_insert_id();
    let id = match id {
        Some(id) => id,
        None => PrinterId(i64::try_from(inserted).map_err(|_| DbErr::UnpackInsertId)?),
    };
    changes::add_printer(tx, id).await?;
    Ok(id)
}

fn check(printer: &NewPrinter) -> Result<()> {
    check_short("name", &printer.name)?;
    // Folding can make a name longer.
    check_short("name", &name_key(&printer.name))
}

fn name_taken(printer: &NewPrinter) -> Error {
    Error::NameTaken {
        name: printer.name.clone(),
    }
}

/// Maps a unique violation to [`Error::NameTaken`], for two concurrent requests that use the same name.
fn unique<T>(printer: &NewPrinter, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|fault| {
        if fault.is_unique_violation() {
            name_taken(printer).into()
        } else {
            fault
        }
    })
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
