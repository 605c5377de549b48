//! Has the history of each printer read once more, because rows that earlier versions imported may be wrong: outcomes
//! in a spelling that they did not know are `interrupted`, and files may have absolute names. Reading a row again
//! corrects its job.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;

use crate::db::tables::Printers;

pub(super) struct HistoryAgain;

impl MigrationName for HistoryAgain {
    fn name(&self) -> &'static str {
        "m0013_history_again"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for HistoryAgain {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Printers without an import have position 0.
        let statement = Query::update()
            .table(Printers::Table)
            .value(Printers::BackfillPosition, 0)
            .value(Printers::BackfillCompletedAt, Option::<i64>::None)
            .and_where(Expr::col(Printers::BackfillPosition).gt(0))
            .to_owned();
        manager.get_connection().execute(&statement).await.map(drop)
    }
}
