//! Writes `outbox`: the events of a transaction, in the transaction.

use domain::JobChange;
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::db::{
    batches::insert_all,
    error::Fault,
    tables::{Outbox, OutboxPosition},
    transaction::Tx,
};

/// Inserts the events. Their ids come from a row that stays locked until the transaction ends: with ids of the engine,
/// a transaction could commit a smaller id than a reader has already seen.
pub(super) async fn insert(tx: &Tx, events: &[JobChange], now: Timestamp) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let advance = Query::update()
        .table(OutboxPosition::Table)
        .value(
            OutboxPosition::LastId,
            Expr::col(OutboxPosition::LastId).add(events.len() as i64),
        )
        .and_where(Expr::col(OutboxPosition::Id).eq(1))
        .to_owned();
    tx.execute(&advance).await?;
    let query = Query::select()
        .column(OutboxPosition::LastId)
        .from(OutboxPosition::Table)
        .and_where(Expr::col(OutboxPosition::Id).eq(1))
        .to_owned();
    let last: i64 = match tx.query_one(&query).await? {
        Some(row) => row.try_get("", "last_id")?,
        None => return Err(sea_orm::DbErr::RecordNotFound("outbox_position has no row".to_owned()).into()),
    };
    let columns = vec![
        Outbox::Id,
        Outbox::PrinterId,
        Outbox::JobId,
        Outbox::Kind,
        Outbox::Payload,
        Outbox::CreatedAt,
    ];
    // The ids of this transaction; the row with the position stays locked until it commits.
    let first = last - events.len() as i64 + 1;
    let rows = (first..).zip(events).map(|(id, change)| {
        let values = vec![
            id.into(),
            change.printer_id.0.into(),
            change.job_id.map(|id| id.0).into(),
            change.event.kind().into(),
            change.event.payload().to_string().into(),
            now.as_millisecond().into(),
        ];
        (columns.clone(), values)
    });
    insert_all(tx, Outbox::Table, rows.collect()).await
}
