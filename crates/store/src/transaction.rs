//! How statements run: reads on the readers, writes as whole transactions that are tried again.

use std::{
    error::Error as _,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tracing::{debug, error};

use crate::{Error, Result, Store, error::Fault, lease, rows::Quick, timings::Kind};

/// How long an attempt may take: longer than a lock is waited for, so that the database can say what is wrong.
const PROMPT: Duration = Duration::from_secs(30);
/// The same for what reads or deletes all jobs of a printer.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Attempts at a write, and at a quick read of SQLite, which waits for no lock itself. The pauses between them double from `FIRST_PAUSE`, 2.5 s in all.
const ATTEMPTS: u32 = 8;
const READ_ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// A write transaction.
#[derive(Clone)]
pub(crate) struct Tx {
    inner: Arc<DatabaseTransaction>,
    /// Whether an earlier attempt failed. Its COMMIT may have arrived all the same.
    pub(crate) is_retry: bool,
}

impl std::ops::Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl Store {
    /// Runs `work` in a transaction that is tried again, as a whole, while the database says "not now".
    ///
    /// `work` must be idempotent: after a lost connection nobody knows whether a COMMIT arrived.
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
            let result = match self.turn {
                Some(epoch) => lease::hold(&inner, epoch).await,
                None => Ok(()),
            };
            let result = match result {
                Ok(()) => {
                    let tx = Tx {
                        inner: Arc::clone(&inner),
                        is_retry: number > 1,
                    };
                    work(tx).await
                }
                Err(fault) => Err(fault),
            };
            // `work` is over, and with it its hold of the transaction.
            let Some(tx) = Arc::into_inner(inner) else {
                return Err(DbErr::Custom("the transaction outlived its work".to_owned()).into());
            };
            match result {
                Ok(done) => {
                    tx.commit().await?;
                    Ok(done)
                }
                Err(fault) => {
                    // If the connection is gone, so is the transaction.
                    tx.rollback().await.ok();
                    Err(fault)
                }
            }
        };
        let attempt = |number| self.noticing(in_transaction(number));
        self.timed(Kind::Write, again(what, limit, ATTEMPTS, attempt))
            .await
    }

    /// Notes if a connection says that it takes no writes: so do all that were opened before.
    async fn noticing<T>(&self, attempt: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let result = attempt.await;
        if let Err(fault) = &result
            && fault.is_of_misled_connection()
        {
            self.misled.renew_all();
        }
        result
    }

    /// Runs `work`, which asks for little, on a connection for that.
    pub(crate) async fn read_quickly<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        what: &'static str,
        work: impl Fn(Quick) -> F,
    ) -> Result<T> {
        let attempt = |_| async {
            let quick = match &self.quick {
                Some(pool) => Quick::Sqlite(pool.take()?),
                None => Quick::Other(self.reader.clone()),
            };
            work(quick).await
        };
        let attempts = match self.quick {
            Some(_) => ATTEMPTS,
            None => READ_ATTEMPTS,
        };
        self.timed(Kind::Read, again(what, PROMPT, attempts, attempt))
            .await
    }

    /// Runs `work` on connections for reading.
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
        let attempt = |_| self.noticing(work(self.reader.clone()));
        let reading = again(what, limit, READ_ATTEMPTS, attempt);
        self.timed(Kind::Read, reading).await
    }

    async fn timed<T>(&self, kind: Kind, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let result = operation.await;
        self.timings.took(kind, begun.elapsed(), &result);
        if matches!(kind, Kind::Write) {
            let refused = || self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            match result.as_ref().map_err(Error::refusal) {
                Ok(_) => *refused() = None,
                Err(Some(refusal)) => *refused() = Some((Instant::now(), refusal)),
                Err(None) => {}
            }
        }
        if let Err(error) = &result
            && error.is_of_damage()
            && !self.damaged.swap(true, Ordering::Relaxed)
        {
            error!(
                "the database file is damaged: end the server and put a backup in its place with `printlog restore`; \
                 what has been printed since then is read from the printers: {error}: {}",
                error.source().map(ToString::to_string).unwrap_or_default()
            );
        }
        result
    }
}

/// Begins a transaction that is going to write: SQLite takes its lock now, when it can still be waited for.
pub(crate) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await
}

/// Tries `attempt`, which is told its number, until it succeeds, trying does not help, or one attempt more would begin
/// after `limit`: who waits for the answer is to hear that the database is away.
pub(crate) async fn again<T, F: Future<Output = Result<T, Fault>>>(
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

/// Doubles, and is spread so that two who collided do not collide again.
fn pause(number: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.pow(number - 1)).mul_f64(rand::random_range(0.5..1.5))
}
