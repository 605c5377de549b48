//! The recording lease, for several servers on one database.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct ServerLease;

impl MigrationName for ServerLease {
    fn name(&self) -> &'static str {
        "m0007_server_lease"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for ServerLease {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let required = |name: &'static str| {
            ColumnDef::new_with_type(name, ColumnType::BigInteger)
                .not_null()
                .to_owned()
        };
        // One row with the id 1. `epoch` grows with each new holder, `beat` with each renewal.
        let mut table = Table::create()
            .table("server_lease")
            .if_not_exists()
            .col(required("id").primary_key())
            .col(required("epoch"))
            .col(required("beat"))
            .col(ColumnDef::new_with_type("holder", ColumnType::string(Some(255))).null())
            .to_owned();
        if manager.get_database_backend() == DbBackend::MySql {
            table
                .engine("InnoDB")
                .character_set("utf8mb4")
                .collate("utf8mb4_bin");
        }
        manager.create_table(table).await?;
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO server_lease (id, epoch, beat) \
                 SELECT 1, 0, 0 FROM (SELECT COUNT(*) AS n FROM server_lease) AS rows_there WHERE n = 0",
            )
            .await?;
        Ok(())
    }
}
