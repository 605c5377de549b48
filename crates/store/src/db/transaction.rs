//! Runs statements: reads on the read connections, writes as transactions that are retried.

use std::{
    error::Error as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use domain::JobChange;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tracing::{debug, error};

use crate::{
    Error, Result, Store,
    db::{error::Fault, lease, read::ShortRead, timings::Kind},
};

/// Time limit of an attempt. Longer than a lock wait, so that the database can report the reason.
pub(crate) const PROMPT: Duration = Duration::from_secs(30);
/// Time limit of operations that read or delete all jobs of a printer.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Attempts of a write, and of a short read from SQLite, which waits for no lock itself. The pauses between them double
/// from `FIRST_PAUSE`, 2.5 s in total.
const ATTEMPTS: u32 = 8;
const READ_ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// A write transaction.
#[derive(Clone)]
pub(crate) struct Tx {
    inner: Arc<DatabaseTransaction>,
    /// Whether an earlier attempt failed. It may have committed nevertheless.
    pub(crate) is_retry: bool,
    changes: Arc<Mutex<Changes>>,
}

/// The changes of jobs in a transaction.
#[derive(Debug, Default)]
struct Changes {
    unfinished: usize,
    done: Vec<JobChange>,
}

impl Tx {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A unit of work begins. The transaction cannot commit before it ends.
    pub(crate) fn begin_changes(&self) {
        self.changes().unfinished += 1;
    }

    /// A unit of work ends. Subscribers get its changes once the transaction has committed.
    pub(crate) fn end_changes(&self, done: Vec<JobChange>) {
        let mut changes = self.changes();
        changes.unfinished -= 1;
        changes.done.extend(done);
    }
}

impl std::ops::Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl Store {
    /// Runs `work` in a transaction, which is retried as a whole on transient errors.
    ///
    /// `work` must be idempotent: after a lost connection, it is unknown whether the COMMIT succeeded.
    pub(crate) async fn write<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        what: &'static str,
        work: impl Fn(Tx) -> F,
    ) -> Result<T> {
        self.write_within(PROMPT, what, work).await
    }

    pub(crate) async fn write_within<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        limit: Duration,
        what: &'static str,
        work: impl Fn(Tx) -> F,
    ) -> Result<T> {
        let work = &work;
        let in_transaction = |number| async move {
            let inner = Arc::new(begin(&self.writer).await?);
            // First in the transaction: it must not lock anything for a server that has lost its lease.
            let result = match self.lease_epoch {
                Some(epoch) => lease::hold(&inner, epoch).await,
                None => Ok(()),
            };
            let changes = Arc::new(Mutex::new(Changes::default()));
            let result = match result {
                Ok(()) => {
                    let tx = Tx {
                        inner: Arc::clone(&inner),
                        is_retry: number > 1,
                        changes: Arc::clone(&changes),
                    };
                    work(tx).await
                }
                Err(fault) => Err(fault),
            };
            let changes = std::mem::take(&mut *changes.lock().unwrap_or_else(PoisonError::into_inner));
            let result = match changes.unfinished {
                // A forgotten `finish` would commit a job without its months and totals.
                0 => result,
                _ => result
                    .and_then(|_| Err(DbErr::Custom("a change of jobs was not finished".to_owned()).into())),
            };
            // `work` has returned and no longer holds the transaction.
            let Some(tx) = Arc::into_inner(inner) else {
                return Err(DbErr::Custom("the transaction outlived its work".to_owned()).into());
            };
            match result {
                Ok(done) => {
                    // An error here leaves it unknown whether the commit succeeded; `is_retry` is for that.
                    tx.commit().await?;
                    for change in changes.done {
                        // Fails if there are no receivers.
                        self.job_changes.send(change).ok();
                    }
                    Ok(done)
                }
                Err(fault) => {
                    // If the connection is lost, so is the transaction, and an error does not matter.
                    tx.rollback().await.ok();
                    Err(fault)
                }
            }
        };
        let attempt = |number| self.marking_stale(in_transaction(number));
        self.timed(Kind::Write, retry(what, limit, ATTEMPTS, attempt))
            .await
    }

    /// Marks all open connections as stale if an attempt shows that its connection is.
    async fn marking_stale<T>(&self, attempt: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let result = attempt.await;
        if let Err(fault) = &result
            && fault.is_of_stale_connection()
        {
            self.stale_connections.expire_all();
        }
        result
    }

    /// Runs a short read on a connection for short reads.
    pub(crate) async fn read_fast<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        what: &'static str,
        work: impl Fn(ShortRead) -> F,
    ) -> Result<T> {
        let attempt = |_| async {
            let quick = match &self.fast_path {
                Some(pool) => ShortRead::Sqlite(pool.take()?),
                None => ShortRead::Other(self.reader.clone()),
            };
            work(quick).await
        };
        let attempts = match self.fast_path {
            // These connections do not wait for a lock themselves, so there are more attempts.
            Some(_) => ATTEMPTS,
            None => READ_ATTEMPTS,
        };
        self.timed(Kind::Read, retry(what, PROMPT, attempts, attempt))
            .await
    }

    /// Runs `work` on a read connection.
    pub(crate) async fn read<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        what: &'static str,
        work: impl Fn(DatabaseConnection) -> F,
    ) -> Result<T> {
        self.read_within(PROMPT, what, work).await
    }

    pub(crate) async fn read_within<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        limit: Duration,
        what: &'static str,
        work: impl Fn(DatabaseConnection) -> F,
    ) -> Result<T> {
        let attempt = |_| self.marking_stale(work(self.reader.clone()));
        let reading = retry(what, limit, READ_ATTEMPTS, attempt);
        self.timed(Kind::Read, reading).await
    }

    async fn timed<T>(&self, kind: Kind, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let result = operation.await;
        self.timings.took(kind, begun.elapsed(), &result);
        if matches!(kind, Kind::Write) {
            let refused = || self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            match result.as_ref().map_err(Error::refusal) {
                // A write that succeeds shows that the reason is gone.
                Ok(_) => *refused() = None,
                Err(Some(refusal)) => *refused() = Some((Instant::now(), refusal)),
                Err(None) => {}
            }
        }
        if let Err(error) = &result
            && error.is_of_damage()
            // Logged once: every later operation fails in the same way.
            && !self.damaged.swap(true, Ordering::Relaxed)
        {
            error!(
                "the database file is damaged: stop the server and restore a backup with `printlog restore`; \
                 later prints are imported from the printers: {error}: {}",
                error.source().map(ToString::to_string).unwrap_or_default()
            );
        }
        result
    }
}

/// Begins a write transaction. SQLite takes its lock now, while waiting for it is still possible.
pub(crate) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await
}

/// Retries `attempt`, which gets its number, on transient errors, up to `attempts` times and until `limit` has passed:
/// a caller must learn in time that the database is unavailable.
pub(crate) async fn retry<T, F: Future<Output = Result<T, Fault>>>(
    what: &'static str,
    limit: Duration,
    attempts: u32,
    attempt: impl Fn(u32) -> F,
) -> Result<T> {
    let begun = Instant::now();
    let mut number = 1;
    loop {
        let result = match tokio::time::timeout(limit, attempt(number)).await {
            Ok(result) => result.map_err(|fault| fault.into_error(what)),
            Err(_) => Err(Error::Timeout { what, limit }),
        };
        match result {
            Err(error) if error.is_transient() && number < attempts && begun.elapsed() < limit => {
                debug!("attempt {number} to {what} failed: {error:?}");
                tokio::time::sleep(pause(number)).await;
                number += 1;
            }
            result => return result,
        }
    }
}

/// Pause after an attempt. Doubles, with jitter, so that two transactions that collided do not collide again.
fn pause(number: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.pow(number - 1)).mul_f64(rand::random_range(0.5..1.5))
}
