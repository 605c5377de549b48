//! The outbox: events of jobs, written in the transaction that changes the job.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct Outbox;

impl MigrationName for Outbox {
    fn name(&self) -> &'static str {
        "m0014_outbox"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for Outbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let number = |name: &'static str| ColumnDef::new_with_type(name, ColumnType::BigInteger);
        let is_server = manager.get_database_backend() == DbBackend::MySql;
        // Without foreign keys: an event outlives its job and its printer.
        let events = Table::create()
            .table("outbox")
            .if_not_exists()
            .col(number("id").not_null().primary_key())
            .col(number("printer_id").not_null())
            .col(number("job_id").null())
            .col(ColumnDef::new_with_type("kind", ColumnType::string(Some(32))).not_null())
            .col(ColumnDef::new_with_type("payload", ColumnType::Text).not_null())
            .col(number("created_at").not_null())
            .to_owned();
        // One row with the id 1.
        let position = Table::create()
            .table("outbox_position")
            .if_not_exists()
            .col(number("id").not_null().primary_key())
            .col(number("last_id").not_null())
            .to_owned();
        for mut table in [events, position] {
            if is_server {
                table
                    .engine("InnoDB")
                    .character_set("utf8mb4")
                    .collate("utf8mb4_bin");
            }
            manager.create_table(table).await?;
        }
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO outbox_position (id, last_id) \
                 SELECT 1, 0 FROM (SELECT COUNT(*) AS n FROM outbox_position) AS rows_there WHERE n = 0",
            )
            .await?;
        Ok(())
    }
}
