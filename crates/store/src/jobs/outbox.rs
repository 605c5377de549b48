//! The table `outbox`: events of jobs, for consumers that must not miss one.

use domain::{JobId, PrinterId};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait, Order, Query},
};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::{
    Result, Store,
    db::{
        read::ReadConnection,
        tables::{Outbox, OutboxPosition},
        transaction::LONG,
    },
};

/// How long an event is kept: a consumer may be stopped for a weekend.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Maximum number of events that are kept.
const MOST: i64 = 100_000;

/// A stored event. See [`domain::JobEvent`].
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEntry {
    /// Position. Grows in the order in which the transactions committed.
    pub id: i64,
    /// The printer. It may have been deleted since.
    pub printer_id: PrinterId,
    /// The job. It may have been deleted since.
    pub job_id: Option<JobId>,
    /// Kind of the event.
    pub kind: String,
    /// The fields of the event.
    pub payload: Value,
    /// Time of the change.
    pub created_at: Timestamp,
}

impl Store {
    /// Events after the position `cursor`, oldest first. Start with [`outbox_end`](Self::outbox_end), or with 0 for all
    /// that are kept.
    pub async fn outbox_after(&self, cursor: i64, limit: u64) -> Result<Vec<OutboxEntry>> {
        let query = &Query::select()
            .columns([
                Outbox::Id,
                Outbox::PrinterId,
                Outbox::JobId,
                Outbox::Kind,
                Outbox::Payload,
                Outbox::CreatedAt,
            ])
            .from(Outbox::Table)
            .and_where(Expr::col(Outbox::Id).gt(cursor))
            .order_by(Outbox::Id, Order::Asc)
            .limit(limit)
            .to_owned();
        self.read("read events", |db| async move {
            db.rows(query, "outbox", "id", |record| {
                Ok(OutboxEntry {
                    id: record.key,
                    printer_id: PrinterId(record.get("printer_id")?),
                    job_id: record.get::<Option<i64>>("job_id")?.map(JobId),
                    kind: record.get("kind")?,
                    payload: record.json("payload")?.unwrap_or_default(),
                    created_at: record.required_time("created_at")?,
                })
            })
            .await
        })
        .await
    }

    /// Position of the newest event. 0 if there was none.
    pub async fn outbox_end(&self) -> Result<i64> {
        let query = &Query::select()
            .columns([OutboxPosition::Id, OutboxPosition::LastId])
            .from(OutboxPosition::Table)
            .and_where(Expr::col(OutboxPosition::Id).eq(1))
            .to_owned();
        self.read("read the position of events", |db| async move {
            let last = db.row(query, "outbox_position", "id", |record| record.get("last_id"));
            Ok(last.await?.unwrap_or(0))
        })
        .await
    }

    /// Removes events older than seven days, and all but the newest 100,000. Returns their number.
    pub async fn forget_events(&self, now: Timestamp) -> Result<u64> {
        let oldest = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        // By id and not by a count, which would read the whole table.
        let last = self.outbox_end().await?;
        let statement = &Query::delete()
            .from_table(Outbox::Table)
            .cond_where(
                Cond::any()
                    .add(Expr::col(Outbox::CreatedAt).lt(oldest.as_millisecond()))
                    .add(Expr::col(Outbox::Id).lte(last - MOST)),
            )
            .to_owned();
        self.write_within(LONG, "remove old events", |tx| async move {
            Ok(tx.execute(statement).await?.rows_affected())
        })
        .await
    }

    /// Subscribes to the changes of jobs that this process commits. A slow receiver loses the oldest; the outbox has
    /// all.
    #[must_use]
    pub fn job_changes(&self) -> broadcast::Receiver<domain::JobChange> {
        self.job_changes.subscribe()
    }
}
